select seq, queue, headers
from messages
where seq in (select value from json_each(?1)) and returns > ?2
order by seq
