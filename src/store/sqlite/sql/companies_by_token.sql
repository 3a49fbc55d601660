-- The company with this token, as a page.
select json_group_array(json_array(id, marqeta_token, name, status, currency, zone, account_id,
    version, created_at, status_set_at))
from (
    select id, marqeta_token, name, status, currency, zone, account_id, version, created_at,
        status_set_at
    from companies
    where marqeta_token = ?5
        and id < ?1
        and (?3 is null or status = ?3)
        and (?4 is null or id = ?4)
    order by id desc
    limit ?2
)
