-- A page of the controls that bind one kind of subject, newest first.
select body::text
from spending_controls
where scope_kind = $4::text
    and id < $1::uuid
    and ($3::uuid is null or scope = $3::uuid)
    and ($5::uuid is null or company_id = $5::uuid)
order by id desc
limit $2::bigint
