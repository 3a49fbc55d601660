-- Users by the platform's token or by their id.
select json_group_array(json_array(
    id, company_id, marqeta_token, first_name, last_name, email, role, status, version, created_at,
    status_set_at, status_set_by
))
from users
where marqeta_token in (select value from json_each(?1))
    or id in (select value from json_each(?1))
