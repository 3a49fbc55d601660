select json_array(
    t.id, t.transaction_id, t.card, t.card_id, t.user_id, t.company_id, t.account_id,
    t.authorization_token, t.authorization_id, t.kind, t.amount, t.currency, t.occurred_at,
    t.received_at, t.processed_at, t.metadata, json(m.body)
)
from transactions as t
left join merchants as m on m.id = t.merchant_id
where t.id = ?1
