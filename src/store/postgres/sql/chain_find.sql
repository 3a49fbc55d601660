with recursive found (id) as (
    select $1::uuid
    union
    select h.merged_into from found as f join holds as h on h.chain_id = f.id
    where h.merged_into is not null
)
select
    h.chain_id, h.account_id, h.card_id, h.currency, h.postings, h.opened_at, h.expires_at,
    h.merged_into, h.details
from found as f
join holds as h on h.chain_id = f.id
where h.merged_into is null
