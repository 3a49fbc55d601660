-- The whole control, unless it has changed meanwhile. Whom it binds stays.
update spending_controls
set body = ?4
where id = ?1 and scope = ?2 and json_extract(body, '$.version') = ?3 - 1
