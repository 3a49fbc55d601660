-- All wallets of these users.
select json_group_array(json_array(account_id, user_id, currency, zone, version, created_at))
from wallets
where user_id in (select value from json_each(?1))
