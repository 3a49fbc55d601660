-- Users by the platform's token or by their id.
select
    id, company_id, marqeta_token, first_name, last_name, email, role, status, version, created_at,
    status_set_at, status_set_by
from users
where marqeta_token = any ($1::text[]) or id = any ($2::uuid[])
