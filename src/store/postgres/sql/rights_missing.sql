-- Of the rights to whole tables, to single columns where one is named, and to call a function, those that this
-- role has not.
select k.verb, k.relation as object
from unnest($1::text[], $2::text[], $3::text[]) as k (relation, verb, attribute)
where not coalesce(
    case
        when k.attribute is null then has_table_privilege(to_regclass(k.relation), k.verb)
        else has_column_privilege(to_regclass(k.relation), k.attribute, k.verb)
    end,
    false
)
union all
select 'execute', $4::text
where not coalesce(has_function_privilege(to_regprocedure($4::text), 'execute'), false)
order by object, verb
