select json_group_array(json_array(
    id, fingerprint, json(record), received_at, state, attempts, obstacle, forgiven
))
from raw_transactions
where transaction_id in (select value from json_each(?1))
