select
    d.token, d.fingerprint, d.authorization_id, d.reason, d.code, d.balances, d.repeated, d.at, d.echo,
    a.chain_id
from unnest($1::text[]) as k (token)
join decisions as d on d.token = k.token
left join authorizations as a on a.id = d.authorization_id
