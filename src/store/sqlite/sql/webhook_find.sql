select fingerprint from webhook_events where key = ?1
