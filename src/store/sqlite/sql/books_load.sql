-- Everything that a batch names, one row, one array a column: a statement costs two thread switches,
-- so a batch pays for one. The keys are arrays too. Cross joins keep them in the outer loop.
select
    (
        select json_group_array(json_array(
            a.id, a.currency, a.limit_minor, a.funded, a.held, a.posted, a.version
        ))
        from json_each(?1) as k cross join accounts as a on a.id = k.value
    ) as accounts,
    (
        select json_group_array(json_array(v.subject, v.version))
        from json_each(?2) as k cross join policy_versions as v on v.subject = k.value
    ) as policies,
    (
        select json_group_array(json_array(
            d.token, d.fingerprint, d.authorization_id, d.reason, d.code, json(d.balances),
            d.repeated, d.at, json(d.echo), a.chain_id
        ))
        from json_each(?3) as k
        cross join decisions as d on d.token = k.value
        left join authorizations as a on a.id = d.authorization_id
    ) as decisions,
    (
        select json_group_array(json_array(i.key, i.fingerprint, json(i.movement)))
        from json_each(?4) as k cross join intents as i on i.key = k.value
    ) as steps,
    (
        select json_group_array(json_array(d.token, a.chain_id))
        from json_each(?5) as k
        cross join decisions as d on d.token = k.value
        cross join authorizations as a on a.id = d.authorization_id
        where a.chain_id is not null
    ) as fundings,
    (
        select json_group_array(json_array(a.transaction_token, a.chain_id) order by a.id desc)
        from json_each(?6) as k
        cross join authorizations as a on a.transaction_token = k.value
        where a.chain_id is not null
    ) as transactions,
    (
        select json_group_array(json_array(l.link, l.chain_id))
        from json_each(?7) as k cross join links as l on l.link = k.value
    ) as links,
    (
        select json_group_array(json_array(
            c.limit_id, c.member, c.window_start, c.amount, c.count
        ))
        from jsonb_each(?8) as k
        cross join counters as c on c.limit_id = k.value ->> 0 and c.member = k.value ->> 1
    ) as counters
