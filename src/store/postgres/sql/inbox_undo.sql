update inbox
set attempts = attempts - 1
where queue = $1 and message_id = $2 and attempts = $3
