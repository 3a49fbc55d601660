-- Due at once, with all its attempts before it.
update webhook_events
set next_at = (extract(epoch from clock_timestamp()) * 1000000)::bigint + $2, leased_until = 0, attempts = 0
where id = $1 and status = 'parked'
