-- All limits that bind any of these subjects.
select json_group_array(json(body))
from spending_limits
where scope in (select value from json_each(?1))
