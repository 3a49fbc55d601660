select k.id, k.prefix, k.name, k.scopes, k.company_id, k.created_by, k.created_at, k.expires_at, k.revoked_at, k.last_used_at
from api_keys as k
where ($1 is null or k.company_id = $1) and k.id < $2
order by k.id desc
limit $3
