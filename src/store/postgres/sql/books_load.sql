-- Everything that a batch names, in one row of arrays, and the time: one round trip, begun after the
-- accounts are locked. Each key is looked up by itself (`offset 0` keeps it so): with a join, a plan that
-- was made while a table was empty would read all of it for every batch, however it has grown. Numbers are positions in the array of keys.
-- What is rarely there (a decision of a repeat, a step) is only told of, and loaded apart.
select
    (extract(epoch from clock_timestamp()) * 1000000)::bigint as now,
    p.numbers as policy_numbers,
    p.versions as policy_versions,
    c.numbers as counter_numbers,
    c.window_starts as counter_window_starts,
    c.amounts as counter_amounts,
    c.counts as counter_counts,
    d.tokens as decisions,
    s.keys as steps,
    f.tokens as funding_tokens,
    f.chain_ids as funding_chain_ids,
    t.tokens as transaction_tokens,
    t.chain_ids as transaction_chain_ids,
    l.links as links,
    l.chain_ids as link_chain_ids
from (
    select array_agg(k.number) as numbers, array_agg(v.version) as versions
    from unnest($1::uuid[]) with ordinality as k (subject, number)
    cross join lateral (
        select version from policy_versions where subject = k.subject offset 0
    ) as v
) as p
cross join (
    select
        array_agg(k.number) as numbers,
        array_agg(c.window_start) as window_starts,
        array_agg(c.amount) as amounts,
        array_agg(c.count) as counts
    from unnest($2::uuid[], $3::uuid[]) with ordinality as k (limit_id, member_id, number)
    cross join lateral (
        select window_start, amount, count from counters
        where limit_id = k.limit_id and member_id = k.member_id
        offset 0
    ) as c
) as c
cross join (
    select array_agg(d.token) as tokens
    from unnest($4::bytea[]) as k (token)
    cross join lateral (
        select token from authorizations where token = k.token and fingerprint is not null offset 0
    ) as d
) as d
cross join (
    select array_agg(i.key) as keys
    from unnest($5::text[]) as k (key)
    cross join lateral (select key from intents where key = k.key offset 0) as i
) as s
cross join (
    select array_agg(k.token) as tokens, array_agg(a.chain_id) as chain_ids
    from unnest($6::bytea[]) as k (token)
    cross join lateral (
        select chain_id from authorizations
        where token = k.token and fingerprint is not null and chain_id is not null
        offset 0
    ) as a
) as f
cross join (
    select
        array_agg(k.token order by a.id desc) as tokens,
        array_agg(a.chain_id order by a.id desc) as chain_ids
    from unnest($7::bytea[]) as k (token)
    cross join lateral (
        select id, chain_id from authorizations
        where transaction_token = k.token and chain_id is not null
        offset 0
    ) as a
) as t
cross join (
    select array_agg(l.link) as links, array_agg(l.chain_id) as chain_ids
    from unnest($8::text[]) as k (link)
    cross join lateral (select link, chain_id from links where link = k.link offset 0) as l
) as l
