update cards
set marqeta_token = ?3, last_four = ?4, product = ?5, expires = ?6, status = ?7, version = ?2,
    status_set_at = ?8, status_set_by = ?9
where id = ?1 and version = ?2 - 1
