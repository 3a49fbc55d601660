-- A page of controls, newest first.
select json_group_array(json(body))
from (
    select body
    from spending_controls
    where id < ?1
        and (?3 is null or scope = ?3)
        and (?4 is null or substr(scope, 1, 4) = ?4)
        and (?5 is null or company_id = ?5)
    order by id desc
    limit ?2
)
