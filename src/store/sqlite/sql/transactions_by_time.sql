-- A page of transactions by the time they took place, latest first.
select json_group_array(json_array(
    t.id, t.transaction_id, t.card, t.card_id, t.user_id, t.company_id, t.account_id,
    t.authorization_token, t.authorization_id, t.kind, t.amount, t.currency, t.occurred_at,
    t.received_at, t.processed_at, t.metadata, json(t.body)
))
from (
    select
        t.id, t.transaction_id, t.card, t.card_id, t.user_id, t.company_id, t.account_id,
        t.authorization_token, t.authorization_id, t.kind, t.amount, t.currency, t.occurred_at,
        t.received_at, t.processed_at, t.metadata, m.body
    from transactions as t
    left join merchants as m on m.id = t.merchant_id
    where ?1 is null
        and (t.occurred_at, t.id) < (?2, ?3)
        and t.occurred_at >= ?4 and t.occurred_at < ?5
        and t.amount between ?6 and ?7
        and (?8 is null or t.card_id = ?8)
        and (?9 is null or t.user_id = ?9)
        and (?10 is null or t.company_id = ?10)
    order by t.occurred_at desc, t.id desc
    limit ?11
) as t
