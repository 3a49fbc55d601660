-- A page of transactions of a user, by the time they took place, latest first.
select
    t.id, t.transaction_id, t.card, t.card_id, t.user_id, t.company_id, t.account_id, t.personal,
    t.authorization_token, t.authorization_id, t.kind, t.amount, t.currency, t.occurred_at,
    t.received_at, t.processed_at, t.metadata, m.body
from transactions as t
left join merchants as m on m.id = t.merchant_id
where t.user_id = $1::uuid
    and (t.occurred_at, t.id) < ($2::bigint, $3::uuid)
    and t.occurred_at >= $4::bigint and t.occurred_at < $5::bigint
    and t.amount between $6::bigint and $7::bigint
    and ($8::uuid is null or t.card_id = $8::uuid)
    and ($9::uuid is null or t.user_id = $9::uuid)
    and ($10::uuid is null or t.company_id = $10::uuid)
order by t.occurred_at desc, t.id desc
limit $11::bigint
