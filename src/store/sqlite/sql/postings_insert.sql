insert or fail into postings (source, number, debit, credit, amount, currency, cause, at)
select
    value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
    value ->> 7
from jsonb_each(?1)
