-- In the order of the key, as whoever else removes rows does it.
delete from outbox as o
using unnest($1::smallint[], $2::bigint[]) as k (shard, seq)
where o.shard = k.shard and o.seq = k.seq
