-- A page of the controls of a company, its users and cards, newest first.
select body::text
from spending_controls
where company_id = $5::uuid
    and id < $1::uuid
    and ($3::uuid is null or scope = $3::uuid)
    and ($4::text is null or scope_kind = $4::text)
order by id desc
limit $2::bigint
