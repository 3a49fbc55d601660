update or fail counters
set window_start = k.value ->> 2, amount = k.value ->> 3, count = k.value ->> 4
from jsonb_each(?1) as k
where counters.limit_id = k.value ->> 0 and counters.member = k.value ->> 1
