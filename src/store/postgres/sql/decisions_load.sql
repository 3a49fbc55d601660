select
    d.token, d.fingerprint, d.id, d.reason, d.code, d.balances, d.repeated, d.at, d.echo,
    d.operation, d.amount, d.currency, d.chain_id
from unnest($1::bytea[]) as k (token)
cross join lateral (
    select
        token, fingerprint, id, reason, code, balances, repeated, at, echo, operation, amount,
        currency, chain_id
    from authorizations
    where token = k.token and fingerprint is not null
    offset 0
) as d
