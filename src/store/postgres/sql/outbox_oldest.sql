select shard, seq, id, kind, version, key, at, payload
from events
where shard between $1 and $2
order by shard, seq
limit $3
