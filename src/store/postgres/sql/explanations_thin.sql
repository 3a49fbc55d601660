-- The next lot in the order of ids, up to the first decision that is young enough to stay: its checks and stage
-- times go, and the mark moves behind it. One instance at a time; another finds no mark meanwhile.
with mark as materialized (
    select up_to from explanations_thinned for update skip locked
),
lot as materialized (
    select n.id, bool_and(n.at < $1) over (order by n.id) as is_old
    from mark as m
    cross join lateral (
        select a.id, a.at from authorizations as a where a.id > m.up_to order by a.id limit $2
    ) as n
),
thinned as (
    update authorizations as a
    set details = (a.details::jsonb - 'f' - 's')::text
    from lot as l
    where a.id = l.id and l.is_old
    returning a.id
),
moved as (
    update explanations_thinned as t
    set up_to = l.id
    from (select id from lot where is_old order by id desc limit 1) as l
    returning t.up_to
)
select count(id) from thinned
