select i.key, i.fingerprint, i.movement
from unnest($1::text[]) as k (key)
join intents as i on i.key = k.key
