select json_array(
    id, marqeta_token, name, status, currency, zone, account_id, version, created_at, status_set_at
)
from companies
where id = ?1
