-- Whether a role may do what the owner of the schema or of one of these tables may, or may make itself one who
-- may. (A superuser is a member of everything.)
select
    r.rolsuper or r.rolcreaterole
    or exists (
        select 1 from pg_namespace as n
        where n.nspname = current_schema() and pg_has_role(r.oid, n.nspowner, 'member')
    )
    or exists (
        select 1 from unnest($2::text[]) as k (relation)
        join pg_class as c on c.oid = to_regclass(k.relation)
        where pg_has_role(r.oid, c.relowner, 'member')
    )
from pg_roles as r
where r.rolname = $1
