-- One company, as a page.
select id, marqeta_token, name, status, currency, zone, account_id, version, created_at, status_set_at
from companies
where id = $4::uuid
    and id < $1::uuid
    and ($3::text is null or status = $3::text)
    and ($5::text is null or marqeta_token = $5::text)
limit $2::bigint
