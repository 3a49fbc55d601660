insert into spending_limits (id, scope, scope_kind, version, body)
values ($1, $2, $3, $4, $5::text::jsonb)
