-- A page of the postings of an account, latest first. Of the two sides one is an account, whose name
-- is the smaller.
select json_group_array(json_array(source, number, debit, credit, amount, currency, cause, at))
from (
    select source, number, debit, credit, amount, currency, cause, at
    from postings
    where min(debit, credit) = ?1
        and (at, source, number) < (?2, ?3, ?4)
    order by at desc, source desc, number desc
    limit ?5
)
