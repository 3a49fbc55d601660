update webhook_events
set leased_until = ?1 + ?4, attempts = attempts + 1
where id = ?3 and next_at is not null and leased_until <= ?1
    and key_id in (select value from json_each(?2))
returning id, family, subject, event_at, received_at, attempts, key_id, body
