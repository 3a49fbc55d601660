-- Before others take their tokens.
update authorizations as a
set fingerprint = null
from unnest($1::bytea[]) as k (token)
where a.token = k.token and a.fingerprint is not null
