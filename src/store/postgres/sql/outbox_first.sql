-- The front row of each shard tells how old the shard is.
select min(f.at)
from generate_series(0, 15) as s (shard)
cross join lateral (
    select at from outbox where shard = s.shard::smallint order by seq limit 1
) as f
