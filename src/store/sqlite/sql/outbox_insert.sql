insert or fail into outbox (id, kind, version, key, shard, at, payload)
select
    value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5,
    cast(substr(?2, value ->> 6, value ->> 7) as text)
from jsonb_each(?1)
