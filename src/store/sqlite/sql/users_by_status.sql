-- A page of the users in a state, newest first.
select json_group_array(json_array(id, company_id, marqeta_token, first_name, last_name, email,
    role, status, version, created_at, status_set_at, status_set_by))
from (
    select id, company_id, marqeta_token, first_name, last_name, email, role, status, version,
        created_at, status_set_at, status_set_by
    from users
    where status = ?4
        and id < ?1
        and (?3 is null or company_id = ?3)
        and (company_id is null) = ?5
    order by id desc
    limit ?2
)
