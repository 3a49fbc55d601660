-- A page of companies, newest first.
select json_group_array(json_array(id, marqeta_token, name, status, currency, zone, account_id,
    version, created_at, status_set_at))
from (
    select id, marqeta_token, name, status, currency, zone, account_id, version, created_at,
        status_set_at
    from companies
    where id < ?1
        and (?3 is null or status = ?3)
        and (?4 is null or id = ?4)
        and ?5 is null
    order by id desc
    limit ?2
)
