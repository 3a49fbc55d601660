select id, family, token, kind, subject, event_at, received_at, status, reason, attempts, next_at
from webhook_events
where id = ?1
