update or fail decisions
set fingerprint = k.value ->> 1, authorization_id = k.value ->> 2, reason = k.value ->> 3,
    code = k.value ->> 4, balances = k.value ->> 5, repeated = k.value ->> 6, at = k.value ->> 7,
    echo = cast(substr(?2, k.value ->> 8, k.value ->> 9) as text)
from jsonb_each(?1) as k
where decisions.token = k.value ->> 0
