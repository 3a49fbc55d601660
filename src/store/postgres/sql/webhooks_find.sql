select e.key, e.fingerprint
from unnest($1::text[]) as k (key)
cross join lateral (
    select key, fingerprint from webhook_events where key = k.key offset 0
) as e
