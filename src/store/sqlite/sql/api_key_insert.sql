insert into api_keys (id, prefix, hash, name, scopes, company_id, created_by, created_at, expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
