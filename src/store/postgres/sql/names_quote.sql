-- A role and the schema, as a statement names them; and whether the role is who is asking.
select
    quote_ident($1::text) as role,
    quote_ident(current_schema()) as schema,
    current_user = $1::text as is_own
