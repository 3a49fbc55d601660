-- A page of the users in a state, newest first.
select id, company_id, marqeta_token, first_name, last_name, email, role, status, version,
    created_at, status_set_at, status_set_by
from users
where status = $4::text
    and id < $1::uuid
    and ($3::uuid is null or company_id = $3::uuid)
order by id desc
limit $2::bigint
