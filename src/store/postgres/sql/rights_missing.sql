-- Of the rights to whole tables, and to single columns where one is named, those that this role has not.
select k.verb, k.relation
from unnest($1::text[], $2::text[], $3::text[]) as k (relation, verb, attribute)
where not coalesce(
    case
        when k.attribute is null then has_table_privilege(to_regclass(k.relation), k.verb)
        else has_column_privilege(to_regclass(k.relation), k.attribute, k.verb)
    end,
    false
)
order by k.relation, k.verb
