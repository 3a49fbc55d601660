insert into messages (
    queue, ready_ms, expires_ms, message_id, content_type, reply_to, correlation_id, headers,
    published_ms, body
)
values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
