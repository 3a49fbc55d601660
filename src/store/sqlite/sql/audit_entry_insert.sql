insert into audit_log (number, at, who, reach, what, object, request_id, outcome, previous, hash)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
