update users
set marqeta_token = ?3, first_name = ?4, last_name = ?5, email = ?6, role = ?7, status = ?8,
    version = ?2, status_set_at = ?9, status_set_by = ?10
where id = ?1 and version = ?2 - 1
