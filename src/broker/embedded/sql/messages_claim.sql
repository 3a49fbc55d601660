update messages
set held = 1
where
    seq in (
        select seq
        from messages
        where
            queue = ?1
            and held = 0
            and ready_ms <= ?2
            and (expires_ms is null or expires_ms > ?2)
        order by ready_ms, seq
        limit ?3
    )
returning
    seq, ready_ms, redelivered, message_id, content_type, reply_to, correlation_id, headers,
    published_ms, body
