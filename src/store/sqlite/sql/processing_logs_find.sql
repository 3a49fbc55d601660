select json_group_array(json_array(transaction_id, attempt, outcome, obstacle, worker, at, took_us))
from (
    select transaction_id, attempt, outcome, obstacle, worker, at, took_us
    from processing_logs
    where transaction_id = ?1
    order by attempt
)
