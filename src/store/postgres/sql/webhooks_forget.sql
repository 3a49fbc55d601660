delete from webhook_events
where id in (
    select id from webhook_events
    where next_at is null and received_at < $1 and status <> 'parked'
    order by received_at
    limit $2
)
