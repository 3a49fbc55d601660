-- As outbox_oldest.sql, with payloads as they are: one that is no JSON would fail all of it.
select json_group_array(json_array(shard, seq, id, kind, version, key, at, payload))
from (
    select shard, seq, id, kind, version, key, at, payload
    from outbox
    where shard between ?1 and ?2
    order by seq
    limit ?3
)
