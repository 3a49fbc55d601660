-- A page of the controls that bind one subject, newest first.
select json_group_array(json(body))
from (
    select body
    from spending_controls
    where scope = ?3
        and id < ?1
        and (?4 is null or substr(scope, 1, 4) = ?4)
        and (?5 is null or company_id = ?5)
    order by id desc
    limit ?2
)
