select json_group_array(json_array(c.limit_id, c.member, c.window_start, c.amount, c.count))
from jsonb_each(?1) as k
cross join counters as c on c.limit_id = k.value ->> 0 and c.member = k.value ->> 1
