select json_array(account_id, user_id, currency, zone, version, created_at)
from wallets
where account_id = ?1
