-- Exact up to a size that is read in a moment; beyond it, what the last analysis has seen.
select case
    when c.counted < $1::bigint then c.counted
    else greatest(c.counted, (select r.reltuples::bigint from pg_class as r where r.oid = 'outbox'::regclass))
end
from (select count(f.shard) as counted from (select shard from outbox limit $1) as f) as c
