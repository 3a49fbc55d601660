update spending_limits
set version = $2,
    body = body || jsonb_build_object('amount', $3::bigint, 'count', $4::bigint, 'version', $2::bigint)
where id = $1 and version = $2 - 1
returning scope, scope_kind
