select seq, queue, headers
from messages
where expires_ms <= ? and held = 0
order by seq
limit 1000
