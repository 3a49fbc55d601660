select json_object(
    'id', k.id,
    'marqeta_token', k.marqeta_token,
    'status', k.status,
    'expires', k.expires,
    'owner', json_object(
        'id', u.id,
        'marqeta_token', u.marqeta_token,
        'status', u.status,
        'company', json(case when c.id is not null then json_object(
            'id', c.id,
            'status', c.status,
            'policy_version', cv.version
        ) end),
        'policy_version', uv.version
    ),
    'account', a.id,
    'currency', a.currency,
    'zone', coalesce(w.zone, c.zone, 'UTC'),
    'policy_version', kv.version
)
from cards as k
join policy_versions as kv on kv.subject = k.id
join users as u on u.id = k.user_id
join policy_versions as uv on uv.subject = u.id
join accounts as a on a.id = k.account_id
left join wallets as w on w.account_id = a.id
left join companies as c on c.id = u.company_id
left join policy_versions as cv on cv.subject = c.id
where k.id = ?1 or k.marqeta_token = ?1
order by k.id = ?1 desc
limit 1
