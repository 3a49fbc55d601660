insert into cards
    (id, user_id, account_id, marqeta_token, last_four, product, expires, status, version, created_at,
    status_set_by)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
