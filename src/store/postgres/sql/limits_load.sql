-- Many new limits at once, with the versions of whom they bind. What is there already stays as it is.
-- Answers with the ids of the new ones, each with the version of whom it binds.
with k as (
    select id, scope, scope_kind, version, body
    from unnest($1::uuid[], $2::uuid[], $3::text[], $4::bigint[], $5::text[]) as k (
        id, scope, scope_kind, version, body
    )
),
new as (
    insert into spending_limits (id, scope, scope_kind, version, body, company_id)
    select
        k.id, k.scope, k.scope_kind, k.version, k.body::jsonb,
        case k.scope_kind
            when 'company' then k.scope
            when 'user' then (select u.company_id from users as u where u.id = k.scope)
            when 'card' then (
                select u.company_id
                from cards as c
                join users as u on u.id = c.user_id
                where c.id = k.scope
            )
        end
    from k
    order by k.id
    on conflict do nothing
    returning id, scope
),
versions as (
    insert into policy_versions (subject, version)
    select distinct scope, 1 from new order by scope
    on conflict (subject) do update set version = policy_versions.version + 1
    returning subject, version
)
select new.id, versions.version from new join versions on versions.subject = new.scope
