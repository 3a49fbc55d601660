-- A page of companies, newest first.
select id, marqeta_token, name, status, currency, zone, account_id, version, created_at, status_set_at
from companies
where id < $1::uuid
    and ($3::text is null or status = $3::text)
    and ($4::uuid is null or id = $4::uuid)
    and $5::text is null
order by id desc
limit $2::bigint
