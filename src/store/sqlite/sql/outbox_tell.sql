insert into outbox (id, kind, version, key, shard, at, payload) values (?1, ?2, ?3, ?4, ?5, ?6, ?7)
