update companies
set marqeta_token = ?3, name = ?4, status = ?5, zone = ?6, version = ?2,
    status_set_at = ?7
where id = ?1 and version = ?2 - 1
