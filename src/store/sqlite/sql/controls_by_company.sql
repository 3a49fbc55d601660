-- A page of the controls of a company, its users and cards, newest first.
select json_group_array(json(body))
from (
    select body
    from spending_controls
    where company_id = ?5
        and id < ?1
        and (?3 is null or scope = ?3)
        and (?4 is null or substr(scope, 1, 4) = ?4)
    order by id desc
    limit ?2
)
