select k.token as transaction_token, d.token
from unnest($1::bytea[]) as k (token)
cross join lateral (
    select token from authorizations
    where transaction_token = k.token and fingerprint is not null
    offset 0
) as d
