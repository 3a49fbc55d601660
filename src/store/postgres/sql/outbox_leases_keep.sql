update outbox_leases set body = $1 where id = 1
