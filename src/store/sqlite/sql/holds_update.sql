update or fail holds
set amount = k.value ->> 4, state = k.value ->> 5, postings = k.value ->> 6,
    opened_at = k.value ->> 7, expires_at = k.value ->> 8, last_use_at = k.value ->> 9,
    merged_into = k.value ->> 10,
    details = cast(substr(?2, k.value ->> 11, k.value ->> 12) as text)
from jsonb_each(?1) as k
where holds.chain_id = k.value ->> 0
