-- By token ($1) or by id ($2): an id comes first.
select
    u.id, u.marqeta_token, u.status, uv.version,
    c.id as company_id, c.status as company_status, cv.version as company_version,
    k.id as card_id, k.marqeta_token as card_token, k.status as card_status, k.expires,
    kv.version as card_version, a.id as account_id, a.currency, c.zone
from cards as k
join policy_versions as kv on kv.subject = k.id
join users as u on u.id = k.user_id
join policy_versions as uv on uv.subject = u.id
join accounts as a on a.id = k.account_id
left join companies as c on c.id = u.company_id
left join policy_versions as cv on cv.subject = c.id
where k.marqeta_token = $1 or k.id = $2
order by k.id is not distinct from $2 desc
limit 1
