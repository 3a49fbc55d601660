update holds as h
set amount = k.amount, state = k.state, postings = k.postings, opened_at = k.opened_at,
    expires_at = k.expires_at, last_use_at = k.last_use_at, merged_into = k.merged_into,
    details = k.details
from unnest(
    $1::uuid[], $2::bigint[], $3::text[], $4::integer[], $5::bigint[], $6::bigint[], $7::bigint[],
    $8::uuid[], $9::text[]
) as k (
    chain_id, amount, state, postings, opened_at, expires_at, last_use_at, merged_into, details
)
where h.chain_id = k.chain_id
