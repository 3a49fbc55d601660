insert into spending_controls (id, scope, scope_kind, body) values ($1, $2, $3, $4::text::jsonb)
