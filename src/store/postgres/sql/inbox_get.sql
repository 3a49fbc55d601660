select attempts
from inbox
where queue = $1 and message_id = $2
