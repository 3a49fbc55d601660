-- The first statement of a batch, and it reads nothing else. Rows are locked above the sort, so in id
-- order. What refers to an account (a new card) need not wait for it: its key does not change.
select id, currency, limit_minor, funded, held, posted, version
from accounts
where id = any ($1)
order by id
for no key update
