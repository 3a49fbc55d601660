insert into companies
    (id, marqeta_token, name, status, currency, zone, account_id, version, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
