select k.number, c.window_start, c.amount, c.count
from unnest($1::uuid[], $2::uuid[]) with ordinality as k (limit_id, member_id, number)
join counters as c on c.limit_id = k.limit_id and c.member_id = k.member_id
