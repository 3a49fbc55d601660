select json_group_array(json_array(account_id, user_id, currency, zone, version, created_at)
    order by created_at, account_id)
from wallets
where user_id = ?1
