update authorizations as a
set reason = k.reason, code = k.code
from unnest($1::uuid[], $2::text[], $3::text[]) as k (id, reason, code)
where a.id = k.id
