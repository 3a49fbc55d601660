select id, family, token, kind, subject, event_at, received_at, status, reason, attempts, next_at
from webhook_events
where ($1::text is null or status = $1) and id < $2
order by id desc
limit $3
