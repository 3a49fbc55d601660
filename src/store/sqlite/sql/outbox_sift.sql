-- As outbox_oldest.sql, row by row and as bytes: one that is no JSON, or no text, would fail all of it.
select
    shard, seq, cast(id as blob) as id, cast(kind as blob) as kind, version, cast(key as blob) as key, at,
    cast(payload as blob) as payload
from outbox
where shard between ?1 and ?2
order by seq
limit ?3
