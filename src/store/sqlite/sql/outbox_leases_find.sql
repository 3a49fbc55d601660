select json_quote(body) from outbox_leases where id = 1
