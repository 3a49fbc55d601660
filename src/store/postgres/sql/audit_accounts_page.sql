select
    a.id, a.currency, a.limit_minor, a.funded, a.held, a.posted, a.version,
    coalesce(s.holds, 0) as sum_holds, coalesce(s.posted, 0) as sum_posted,
    coalesce(s.funded, 0) as sum_funded, coalesce(s.overdraft_causes, 0) as overdraft_causes
from accounts as a
left join account_sums as s on s.account_id = a.id and s.account_id > $1
where a.id > $1
order by a.id
limit $2
