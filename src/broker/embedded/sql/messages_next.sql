select min(ready_ms)
from messages
where queue = ? and held = 0
