select json_group_array(json_array(
    p.id, p.currency, p.limit_minor, p.funded, p.held, p.posted, p.version,
    coalesce(s.holds, 0), coalesce(s.posted, 0), coalesce(s.funded, 0),
    coalesce(s.overdraft_causes, 0)
) order by p.id)
from (
    select id, currency, limit_minor, funded, held, posted, version from accounts
    where id > ?1
    order by id
    limit ?2
) as p
left join temp.account_sums as s on s.account_id = p.id
