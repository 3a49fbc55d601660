insert into transactions
    (id, transaction_id, card, card_id, user_id, company_id, account_id, authorization_token,
     authorization_id, kind, amount, currency, occurred_at, received_at, processed_at, merchant_id,
     metadata)
select
    value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
    value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12, value ->> 13,
    value ->> 14, value ->> 15, value ->> 16
from jsonb_each(?1)
where true
on conflict do nothing
