select
    h.chain_id, h.account_id, h.card_id, h.currency, h.postings, h.opened_at, h.expires_at,
    h.merged_into, h.details
from unnest($1::uuid[]) as k (id)
join holds as h on h.chain_id = k.id
