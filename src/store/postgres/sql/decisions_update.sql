-- Of a decision nothing else ever changes.
update authorizations as a
set reason = k.reason, code = k.code, balances = k.balances, repeated = k.repeated
from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::boolean[])
    as k (id, reason, code, balances, repeated)
where a.id = k.id
