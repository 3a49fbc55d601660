update webhook_events
set leased_until = ?1 + ?4, attempts = attempts + 1
where id in (
    select id from webhook_events
    where next_at <= ?1 and leased_until <= ?1 and key_id in (select value from json_each(?2))
    order by next_at
    limit ?3
)
returning id, family, subject, event_at, received_at, attempts, key_id, body
