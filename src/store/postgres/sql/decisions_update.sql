update decisions as d
set fingerprint = k.fingerprint, authorization_id = k.authorization_id, reason = k.reason,
    code = k.code, balances = k.balances, repeated = k.repeated, at = k.at, echo = k.echo
from unnest(
    $1::text[], $2::bytea[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::boolean[],
    $8::bigint[], $9::text[]
) as k (token, fingerprint, authorization_id, reason, code, balances, repeated, at, echo)
where d.token = k.token
