select c.id, c.user_id, u.company_id
from cards as c
join users as u on u.id = c.user_id
where c.id > $1
order by c.id
limit $2
