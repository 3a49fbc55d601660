-- Only from the front of each shard.
delete from outbox as o using (
    select f.shard, f.seq
    from generate_series(0, 15) as s (shard)
    cross join lateral (
        select shard, seq, at from outbox where shard = s.shard::smallint order by seq limit $2
    ) as f
    where f.at < $1
    order by f.shard, f.seq
    limit $2
) as old
where o.shard = old.shard and o.seq = old.seq
