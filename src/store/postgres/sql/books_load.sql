-- Everything that a batch names, in one row of arrays, and the time: one round trip, begun after the
-- accounts are locked. Numbers are positions in the array of keys.
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
    join policy_versions as v on v.subject = k.subject
) as p
cross join (
    select
        array_agg(k.number) as numbers,
        array_agg(c.window_start) as window_starts,
        array_agg(c.amount) as amounts,
        array_agg(c.count) as counts
    from unnest($2::uuid[], $3::uuid[]) with ordinality as k (limit_id, member_id, number)
    join counters as c on c.limit_id = k.limit_id and c.member_id = k.member_id
) as c
cross join (
    select array_agg(d.token) as tokens
    from unnest($4::text[]) as k (token)
    join decisions as d on d.token = k.token
) as d
cross join (
    select array_agg(i.key) as keys
    from unnest($5::text[]) as k (key)
    join intents as i on i.key = k.key
) as s
cross join (
    select array_agg(d.token) as tokens, array_agg(a.chain_id) as chain_ids
    from unnest($6::text[]) as k (token)
    join decisions as d on d.token = k.token
    join authorizations as a on a.id = d.authorization_id
    where a.chain_id is not null
) as f
cross join (
    select
        array_agg(a.transaction_token order by a.id desc) as tokens,
        array_agg(a.chain_id order by a.id desc) as chain_ids
    from unnest($7::text[]) as k (token)
    join authorizations as a on a.transaction_token = k.token
    where a.chain_id is not null
) as t
cross join (
    select array_agg(l.link) as links, array_agg(l.chain_id) as chain_ids
    from unnest($8::text[]) as k (link)
    join links as l on l.link = k.link
) as l
