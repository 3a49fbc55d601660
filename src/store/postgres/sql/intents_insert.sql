insert into intents (key, fingerprint, kind, account_id, at, movement)
select key, fingerprint, kind, account_id, at, movement
from unnest($1::text[], $2::bytea[], $3::text[], $4::uuid[], $5::bigint[], $6::text[])
    as k (key, fingerprint, kind, account_id, at, movement)
