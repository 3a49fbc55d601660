insert into webhook_events
    (received_at, event_at, next_at, leased_until, id, attempts, status, key, fingerprint, family, token,
     kind, subject, reason, key_id, body)
select
    k.received_at, k.event_at, k.next_at, 0, k.id, 0, k.status, k.key, k.fingerprint, k.family, k.token,
    k.kind, k.subject, k.reason, k.key_id, k.body
from unnest(
    $1::bigint[], $2::bigint[], $3::bigint[], $4::uuid[], $5::text[], $6::text[], $7::bytea[], $8::text[],
    $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::bytea[]
) as k (
    received_at, event_at, next_at, id, status, key, fingerprint, family, token, kind, subject, reason,
    key_id, body
)
order by k.key
on conflict (key) do nothing
returning id
