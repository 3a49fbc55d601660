-- By token ($1) or by id ($2): an id comes first.
select
    u.id, u.marqeta_token, u.status, uv.version,
    c.id as company_id, c.status as company_status, cv.version as company_version
from users as u
join policy_versions as uv on uv.subject = u.id
left join companies as c on c.id = u.company_id
left join policy_versions as cv on cv.subject = c.id
where u.marqeta_token = $1 or u.id = $2
order by u.id is not distinct from $2 desc
limit 1
