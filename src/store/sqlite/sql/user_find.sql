select json_array(
    id, company_id, marqeta_token, first_name, last_name, email, role, status, version, created_at,
    status_set_at, status_set_by
)
from users
where id = ?1
