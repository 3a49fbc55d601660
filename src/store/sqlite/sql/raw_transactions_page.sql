select json_group_array(json_array(
    id, fingerprint, json(record), received_at, state, attempts, obstacle, forgiven
))
from (
    select id, fingerprint, record, received_at, state, attempts, obstacle, forgiven
    from raw_transactions
    where state = ?1 and state <> 'processed' and id < ?2
        and occurred_at >= ?3 and occurred_at < ?4
        and amount between ?5 and ?6
        and (?7 is null or card in (select value from json_each(?7)))
    order by id desc
    limit ?8
)
