insert into accounts (id, currency, limit_minor, funded, held, posted, version)
values ($1, $2, $3, $4, $5, $6, $7)
