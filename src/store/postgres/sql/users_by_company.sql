-- A page of the users of a company, newest first.
select id, company_id, marqeta_token, first_name, last_name, email, role, status, version,
    created_at, status_set_at, status_set_by
from users
where company_id = $3::uuid
    and id < $1::uuid
    and ($4::text is null or status = $4::text)
order by id desc
limit $2::bigint
