update webhook_events
set status = $2, reason = $3, next_at = $4, leased_until = 0,
    attempts = attempts - case when $5::boolean then 0 else 1 end
where id = $1 and next_at is not null
