select k.number, c.window_start, c.amount, c.count
from unnest($1::uuid[], $2::uuid[]) with ordinality as k (limit_id, member_id, number)
cross join lateral (
    select window_start, amount, count from counters
    where limit_id = k.limit_id and member_id = k.member_id
    offset 0
) as c
