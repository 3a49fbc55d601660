select json_group_array(json_array(
    p.limit_id, p.member, p.window_start, p.amount, p.count, json(l.body)
) order by p.limit_id, p.member)
from (
    select limit_id, member, window_start, amount, count from counters
    where (limit_id, member) > (?1, ?2)
    order by limit_id, member
    limit ?3
) as p
left join spending_limits as l on l.id = p.limit_id
