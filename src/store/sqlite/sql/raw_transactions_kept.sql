select json_group_array(json_array(transaction_id, id, fingerprint, state))
from raw_transactions
where transaction_id in (select value from json_each(?1))
