select queue, count(*)
from messages
where held = 0
group by queue
