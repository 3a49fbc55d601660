-- A page of the limits that bind one subject, newest first.
select body::text
from spending_limits
where scope = $3::uuid
    and id < $1::uuid
    and ($4::text is null or scope_kind = $4::text)
    and ($5::uuid is null or company_id = $5::uuid)
order by id desc
limit $2::bigint
