-- A page of the users of a company, newest first.
select json_group_array(json_array(id, company_id, marqeta_token, first_name, last_name, email,
    role, status, version, created_at, status_set_at, status_set_by))
from (
    select id, company_id, marqeta_token, first_name, last_name, email, role, status, version,
        created_at, status_set_at, status_set_by
    from users
    where company_id = ?3
        and id < ?1
        and (?4 is null or status = ?4)
        and (company_id is null) = ?5
    order by id desc
    limit ?2
)
