insert or fail into decisions
    (token, fingerprint, authorization_id, reason, code, balances, repeated, at, echo)
select
    value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
    value ->> 7, cast(substr(?2, value ->> 8, value ->> 9) as text)
from jsonb_each(?1)
