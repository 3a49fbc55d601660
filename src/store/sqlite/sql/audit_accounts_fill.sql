insert into temp.account_sums (account_id, holds, posted, funded, overdraft_causes)
select account_id, sum(holds), sum(posted), sum(funded), sum(causes)
from (
    select account_id, amount as holds, 0 as posted, 0 as funded, 0 as causes from holds
    union all
    select debit, 0, amount, 0, 0 from postings where cause <> 'fund' and debit glob 'acc_*'
    union all
    select credit, 0, -amount, 0, 0 from postings where cause <> 'fund' and credit glob 'acc_*'
    union all
    select credit, 0, 0, amount, 0 from postings where cause = 'fund' and credit glob 'acc_*'
    union all
    select account_id, 0, 0, 0, 1 from intents
    where kind = 'change_limit'
        or exists (select 1 from json_each(movement, '$.flags') where value = 'overdrawn')
)
group by account_id
