-- Answers with the status that it had. A row that has changed since it was read is not the one expected,
-- so what is read beside it is what is replaced.
update cards as c
set marqeta_token = $3, last_four = $4, product = $5, expires = $6, status = $7, version = $2,
    status_set_at = $8, status_set_by = $9
from cards as old
where c.id = $1 and c.version = $2 - 1 and old.id = c.id
returning old.status
