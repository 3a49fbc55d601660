insert into postings (source, number, debit, credit, amount, currency, cause, at)
select source, number, debit, credit, amount, currency, cause, at
from unnest(
    $1::uuid[], $2::integer[], $3::uuid[], $4::uuid[], $5::bigint[], $6::text[], $7::text[],
    $8::bigint[]
) as k (source, number, debit, credit, amount, currency, cause, at)
