select json_array(
    id, user_id, account_id, marqeta_token, last_four, product, expires, status, version, created_at,
    status_set_at, status_set_by
)
from cards
where id = ?1
