select json_object(
    'id', u.id,
    'marqeta_token', u.marqeta_token,
    'status', u.status,
    'company', json(case when c.id is not null then json_object(
        'id', c.id,
        'status', c.status,
        'policy_version', cv.version
    ) end),
    'policy_version', uv.version
)
from users as u
join policy_versions as uv on uv.subject = u.id
left join companies as c on c.id = u.company_id
left join policy_versions as cv on cv.subject = c.id
where u.id = ?1 or u.marqeta_token = ?1
order by u.id = ?1 desc
limit 1
