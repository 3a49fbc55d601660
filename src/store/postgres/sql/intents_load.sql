select i.key, i.fingerprint, i.movement
from unnest($1::text[]) as k (key)
cross join lateral (
    select key, fingerprint, movement from intents where key = k.key offset 0
) as i
