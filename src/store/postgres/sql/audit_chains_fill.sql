insert into chain_sums (chain_id, approved)
select chain_id, sum(amount)
from authorizations
where chain_id is not null and reason is null and operation in ('authorize', 'increment', 'debit')
group by chain_id
