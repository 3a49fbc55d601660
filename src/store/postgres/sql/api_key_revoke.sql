update api_keys set revoked_at = coalesce(revoked_at, $3)
where id = $1 and ($2::uuid is null or company_id = $2)
