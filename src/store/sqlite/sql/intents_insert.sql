insert or fail into intents (key, fingerprint, kind, account_id, at, movement)
select
    value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4,
    cast(substr(?2, value ->> 5, value ->> 6) as text)
from jsonb_each(?1)
