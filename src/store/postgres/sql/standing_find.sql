-- Who is asking, and whether the schema is theirs to change: as whose tables are there, or may be made.
select
    current_user::text as role,
    coalesce(
        (
            select pg_has_role(c.relowner, 'usage') from pg_class as c
            where c.oid = to_regclass('_sqlx_migrations')
        ),
        has_schema_privilege(current_schema(), 'create'),
        false
    ) as owns
