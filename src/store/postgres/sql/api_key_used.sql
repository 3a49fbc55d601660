update api_keys set last_used_at = greatest(last_used_at, $2) where id = $1
