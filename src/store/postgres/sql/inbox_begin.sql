insert into inbox (queue, message_id, attempts, at)
values ($1, $2, $3, $4)
on conflict (queue, message_id) do update
set attempts = greatest(inbox.attempts, excluded.attempts), at = excluded.at
returning attempts
