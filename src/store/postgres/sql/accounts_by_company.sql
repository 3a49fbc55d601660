-- The account of a company, as a page.
select id, currency, limit_minor, funded, held, posted, version
from accounts
where id = (select account_id from companies where id = $3::uuid)
    and id < $1::uuid
order by id desc
limit $2::bigint
