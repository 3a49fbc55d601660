update messages
set ready_ms = ?1
where ready_ms > ?1 + ?2
