-- Cards by the platform's token or by their id.
select
    id, user_id, account_id, marqeta_token, last_four, product, expires, status, version, created_at,
    status_set_at, status_set_by
from cards
where marqeta_token = any ($1::text[]) or id = any ($2::uuid[])
