update messages
set queue = ?, headers = ?, ready_ms = ?, expires_ms = null, held = 0, redelivered = 0
where seq = ?
