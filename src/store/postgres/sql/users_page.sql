-- A page of users, newest first.
select id, company_id, marqeta_token, first_name, last_name, email, role, status, version,
    created_at, status_set_at, status_set_by
from users
where id < $1::uuid
    and ($3::uuid is null or company_id = $3::uuid)
    and ($4::text is null or status = $4::text)
order by id desc
limit $2::bigint
