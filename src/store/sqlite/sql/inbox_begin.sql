insert into inbox (queue, message_id, attempts, at)
values (?1, ?2, ?3 + 1, ?4)
on conflict (queue, message_id) do update
set attempts = 1 + case when inbox.attempts > ?3 then inbox.attempts else ?3 end, at = ?4
returning attempts
