select json_group_array(json_array(
    h.chain_id, h.account_id, h.card_id, h.currency, h.postings, h.opened_at, h.expires_at,
    h.merged_into, json(h.details)
))
from json_each(?1) as k cross join holds as h on h.chain_id = k.value
