select
    c.limit_id, c.member_id, c.member_kind, c.window_start, c.amount, c.count,
    case when l.body ->> 'amount' is not null then p.currency end as currency, l.body::text as body
from counters as c
left join spending_limits as l on l.id = c.limit_id
left join users as u on c.member_kind = 1 and u.id = c.member_id
left join companies as p on p.id = u.company_id
where (c.limit_id, c.member_id) > ($1, $2)
order by c.limit_id, c.member_id
limit $3
