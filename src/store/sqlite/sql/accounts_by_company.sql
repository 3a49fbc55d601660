-- The account of a company, as a page.
select json_group_array(json_array(id, currency, limit_minor, funded, held, posted, version))
from (
    select id, currency, limit_minor, funded, held, posted, version
    from accounts
    where id = (select account_id from companies where id = ?3)
        and id < ?1
    order by id desc
    limit ?2
)
