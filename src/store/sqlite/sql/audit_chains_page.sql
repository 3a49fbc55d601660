-- A void undoes a single message: it takes from what the debits or refunds add up to.
select json_group_array(json_array(
    p.chain_id, p.account_id, p.card_id, p.currency, p.postings, p.opened_at, p.expires_at,
    p.merged_into, json(p.details), p.amount,
    coalesce((
        select sum(case when cause = 'void' then -amount else amount end) from postings
        where source = p.chain_id and (cause in ('clearing', 'force_post', 'debit')
            or (cause = 'void' and credit = p.account_id))
    ), 0),
    coalesce((
        select sum(case when cause = 'void' then -amount else amount end) from postings
        where source = p.chain_id and (cause = 'refund'
            or (cause = 'void' and debit = p.account_id))
    ), 0),
    coalesce(s.approved, 0)
) order by p.chain_id)
from (
    select chain_id, account_id, card_id, currency, postings, opened_at, expires_at, merged_into,
        details, amount
    from holds
    where chain_id > ?1
    order by chain_id
    limit ?2
) as p
left join temp.chain_sums as s on s.chain_id = p.chain_id
