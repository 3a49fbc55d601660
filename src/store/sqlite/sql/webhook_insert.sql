insert into webhook_events
    (id, key, fingerprint, family, token, kind, subject, event_at, received_at, status, reason,
     attempts, next_at, leased_until, key_id, body)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 0, ?12, 0, ?13, ?14)
on conflict (key) do nothing
