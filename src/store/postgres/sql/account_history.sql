-- A page of the postings of an account, latest first. Of the two sides one is an account, and the
-- other a small number.
select source, number, debit, credit, amount, currency, cause, at
from postings
where greatest(debit, credit) = $1::uuid
    and (at, source, number) < ($2::bigint, $3::uuid, $4::integer)
order by at desc, source desc, number desc
limit $5::bigint
