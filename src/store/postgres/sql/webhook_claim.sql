update webhook_events as e
set leased_until = c.now + $3, attempts = e.attempts + 1
from (select (extract(epoch from clock_timestamp()) * 1000000)::bigint + $4 as now) as c
where e.id = $2 and e.next_at is not null and e.leased_until <= c.now and e.key_id = any($1::text[])
returning e.id, e.family, e.subject, e.event_at, e.received_at, e.attempts, e.key_id, e.body
