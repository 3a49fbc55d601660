insert into account_sums (account_id, holds, posted, funded, overdraft_causes)
select s.account_id, sum(s.holds), sum(s.posted), sum(s.funded), sum(s.causes)
from (
    select account_id, amount as holds, 0 as posted, 0 as funded, 0 as causes from holds
    union all
    select debit, 0, amount, 0, 0 from postings
    where cause <> 'fund' and debit > '00000000-0000-0000-0000-0000000000ff'
    union all
    select credit, 0, -amount, 0, 0 from postings
    where cause <> 'fund' and credit > '00000000-0000-0000-0000-0000000000ff'
    union all
    select credit, 0, 0, amount, 0 from postings
    where cause = 'fund' and credit > '00000000-0000-0000-0000-0000000000ff'
    union all
    select account_id, 0, 0, 0, 1 from intents
    where kind = 'change_limit' or jsonb_exists(movement::jsonb -> 'flags', 'overdrawn')
) as s
group by s.account_id
