select exists (
    select id from webhook_events
    where subject = ?1 and event_at > ?2
        and (status in ('received', 'applied') or next_at is not null)
)
