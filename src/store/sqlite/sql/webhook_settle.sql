update webhook_events
set status = ?2, reason = ?3, next_at = ?4, leased_until = 0, attempts = attempts - not ?5
where id = ?1 and next_at is not null
