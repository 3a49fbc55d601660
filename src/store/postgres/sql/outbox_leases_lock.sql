select body from outbox_leases where id = 1 for update
