-- Cards by the platform's token or by their id.
select json_group_array(json_array(
    id, user_id, account_id, marqeta_token, last_four, product, expires, status, version, created_at,
    status_set_at, status_set_by
))
from cards
where marqeta_token in (select value from json_each(?1))
    or id in (select value from json_each(?1))
