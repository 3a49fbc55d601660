-- One statement, so that limits, controls and versions are of one moment.
select
    (
        select array_agg(l.body::text) from spending_limits as l where l.scope = any ($1::uuid[])
    ) as limits,
    (
        select array_agg(c.body::text) from spending_controls as c where c.scope = any ($1::uuid[])
    ) as controls,
    p.numbers,
    p.versions
from (
    select array_agg(k.number) as numbers, array_agg(v.version) as versions
    from unnest($1::uuid[]) with ordinality as k (subject, number)
    join policy_versions as v on v.subject = k.subject
) as p
