update messages
set queue = ?1, headers = ?2, ready_ms = ?3, expires_ms = null, held = 0, redelivered = 0,
    returns = 0, body = coalesce(?5, body)
where seq = ?4
