-- A page of accounts, newest first.
select id, currency, limit_minor, funded, held, posted, version
from accounts
where id < $1::uuid
    and $3::uuid is null
order by id desc
limit $2::bigint
