insert into outbox_leases (id, body) values (1, ?1) on conflict (id) do update set body = excluded.body
