select d.id, d.died_at, d.state, d.envelope
from dead_letters as d
where
    ($1::text is null or d.queue = $1)
    and ($2::text is null or d.reason = $2)
    and ($3::text is null or d.state = $3)
    and ($4::bigint is null or d.died_at < $4)
    and ($5::text is null or position($5 in d.searched) > 0)
    and d.id > $6
order by d.id
limit $7
