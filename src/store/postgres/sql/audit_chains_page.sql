-- Where the page begins is said of both tables: a merge of the two would read the other from its start.
-- A void undoes a single message: it takes from what the debits or refunds add up to.
select
    h.chain_id, h.account_id, h.card_id, h.currency, h.postings, h.opened_at, h.expires_at,
    h.merged_into, h.details, h.amount,
    coalesce((
        select sum(case when p.cause = 'void' then -p.amount else p.amount end)
        from postings as p
        where p.source = h.chain_id and (p.cause in ('clearing', 'force_post', 'debit')
            or (p.cause = 'void' and p.credit = h.account_id))
    ), 0)::bigint as cleared,
    coalesce((
        select sum(case when p.cause = 'void' then -p.amount else p.amount end)
        from postings as p
        where p.source = h.chain_id and (p.cause = 'refund'
            or (p.cause = 'void' and p.debit = h.account_id))
    ), 0)::bigint as refunded,
    coalesce(s.approved, 0) as approved
from holds as h
left join chain_sums as s on s.chain_id = h.chain_id and s.chain_id > $1
where h.chain_id > $1
order by h.chain_id
limit $2
