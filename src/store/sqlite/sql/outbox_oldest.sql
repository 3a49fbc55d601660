select json_group_array(json_array(shard, seq, id, kind, version, key, at, json(payload)))
from (
    select shard, seq, id, kind, version, key, at, payload
    from outbox
    where shard between ?1 and ?2
    order by seq
    limit ?3
)
