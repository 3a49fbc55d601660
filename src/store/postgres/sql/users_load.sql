-- Many new users at once, with their policy versions and events. What is there already stays
-- as it is. Answers with the ids of the new ones.
with k as (
    select
        id, company_id, marqeta_token, first_name, last_name, email, role, status, version, created_at,
        status_set_by, event_id, event_kind, event_version, event_key, event_shard, event_at, event_payload
    from unnest(
        $1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
        $8::text[], $9::bigint[], $10::bigint[], $11::text[], $12::uuid[], $13::text[], $14::smallint[],
        $15::text[], $16::smallint[], $17::bigint[], $18::text[]
    ) as k (
        id, company_id, marqeta_token, first_name, last_name, email, role, status, version, created_at,
        status_set_by, event_id, event_kind, event_version, event_key, event_shard, event_at, event_payload
    )
),
new as (
    insert into users
        (id, company_id, marqeta_token, first_name, last_name, email, role, status, version, created_at,
        status_set_by)
    select
        id, company_id, marqeta_token, first_name, last_name, email, role, status, version, created_at,
        status_set_by
    from k
    order by marqeta_token, id
    on conflict do nothing
    returning id
),
versions as (
    insert into policy_versions (subject, version)
    select id, 1 from new order by id
    on conflict (subject) do update set version = policy_versions.version + 1
),
told as (
    insert into outbox (id, kind, version, key, shard, at, payload)
    select
        k.event_id, k.event_kind, k.event_version, k.event_key, k.event_shard, k.event_at,
        k.event_payload
    from k
    join new on new.id = k.id
)
select id from new
