select
    d.token, d.fingerprint, d.authorization_id, d.reason, d.code, d.balances, d.repeated, d.at, d.echo,
    a.chain_id
from unnest($1::text[]) as k (token)
cross join lateral (
    select token, fingerprint, authorization_id, reason, code, balances, repeated, at, echo
    from decisions
    where token = k.token
    offset 0
) as d
left join lateral (
    select chain_id from authorizations where id = d.authorization_id offset 0
) as a on true
