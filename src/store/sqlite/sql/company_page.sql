-- One company, as a page.
select json_group_array(json_array(id, marqeta_token, name, status, currency, zone, account_id,
    version, created_at, status_set_at))
from (
    select id, marqeta_token, name, status, currency, zone, account_id, version, created_at,
        status_set_at
    from companies
    where id = ?4
        and id < ?1
        and (?3 is null or status = ?3)
        and (?5 is null or marqeta_token = ?5)
    order by id desc
    limit ?2
)
