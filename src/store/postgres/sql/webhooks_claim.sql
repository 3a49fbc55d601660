-- Rows that another worker is about to take are passed over.
with clock as (
    select (extract(epoch from clock_timestamp()) * 1000000)::bigint + $4 as now
),
due as (
    select w.id
    from webhook_events as w
    cross join clock as c
    where w.next_at <= c.now and w.leased_until <= c.now and w.key_id = any($1::text[])
    order by w.next_at
    limit $2
    for update of w skip locked
)
update webhook_events as e
set leased_until = c.now + $3, attempts = e.attempts + 1
from due as d cross join clock as c
where e.id = d.id
returning e.id, e.family, e.subject, e.event_at, e.received_at, e.attempts, e.key_id, e.body
