select d.id, d.died_at, d.state, d.envelope
from dead_letters as d
where
    ($1 is null or d.queue = $1)
    and ($2 is null or d.reason = $2)
    and ($3 is null or d.state = $3)
    and ($4 is null or d.died_at < $4)
    and ($5 is null or instr(d.searched, $5) > 0)
    and d.id > $6
order by d.id
limit $7
