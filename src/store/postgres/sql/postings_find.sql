-- Those of the chains that were merged into this one too.
with recursive sources (id) as (
    select $1::uuid
    union
    select h.chain_id from sources as s join holds as h on h.merged_into = s.id
)
select p.source, p.number, p.debit, p.credit, p.amount, p.currency, p.cause, p.at
from sources as s
join postings as p on p.source = s.id
order by p.at, p.source, p.number
