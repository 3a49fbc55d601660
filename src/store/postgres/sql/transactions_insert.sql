-- One statement for both tables, and so a transaction by itself. Whether a merchant is there is checked
-- at its end.
with named as (
    insert into merchants (id, mid, mcc, name, country, body)
    select id, mid, mcc, name, country, body
    from unnest($19::uuid[], $20::text[], $21::text[], $22::text[], $23::text[], $24::text[])
        as k (id, mid, mcc, name, country, body)
    order by id
    on conflict (id) do nothing
)
insert into transactions
    (id, transaction_id, card, card_id, user_id, company_id, account_id, personal,
    authorization_token, authorization_id, kind, amount, currency, occurred_at, received_at,
    processed_at, merchant_id, metadata)
select
    id, transaction_id, card, card_id, user_id, company_id, account_id, personal,
    authorization_token, authorization_id, kind, amount, currency, occurred_at, received_at,
    processed_at, merchant_id, metadata
from unnest(
    $1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::uuid[], $6::uuid[], $7::uuid[],
    $8::boolean[], $9::text[], $10::uuid[], $11::text[], $12::bigint[], $13::text[], $14::bigint[],
    $15::bigint[], $16::bigint[], $17::uuid[], $18::text[]
) as k (
    id, transaction_id, card, card_id, user_id, company_id, account_id, personal,
    authorization_token, authorization_id, kind, amount, currency, occurred_at, received_at,
    processed_at, merchant_id, metadata
)
order by transaction_id
on conflict do nothing
returning id
