select
    h.chain_id, h.account_id, h.card_id, h.currency, h.postings, h.opened_at, h.expires_at,
    h.merged_into, h.details
from unnest($1::uuid[]) as k (id)
cross join lateral (
    select
        chain_id, account_id, card_id, currency, postings, opened_at, expires_at, merged_into, details
    from holds
    where chain_id = k.id
    offset 0
) as h
