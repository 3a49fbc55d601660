-- The whole control, unless it has changed meanwhile. Whom it binds stays.
update spending_controls
set body = $5::text::jsonb
where id = $1
    and scope = $2
    and scope_kind = $3
    and (body ->> 'version')::bigint = $4::bigint - 1
