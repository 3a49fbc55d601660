select json_array(id, fingerprint, json(record), received_at, state, attempts, obstacle, forgiven)
from raw_transactions
where id = ?1
