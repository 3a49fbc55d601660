insert or fail into authorizations
    (id, token, transaction_token, chain_id, card_id, account_id, operation, amount, currency, held,
     reason, code, at, details)
select
    value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
    value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12,
    cast(substr(?2, value ->> 13, value ->> 14) as text)
from jsonb_each(?1)
