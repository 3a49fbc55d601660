-- Apart, for its index.
select id, family, token, kind, subject, event_at, received_at, status, reason, attempts, next_at
from webhook_events
where status = 'parked' and id < $1
order by id desc
limit $2
