select
    (select count(d.id) from authorizations as d where d.fingerprint is not null) as decisions,
    (
        select count(d.id) from authorizations as d
        where d.fingerprint is not null and d.reason is null
    ) as approved,
    -- A decision and its explanation are one row here. What no decision stands for must be a decline.
    (
        select count(a.id) from authorizations as a
        where a.fingerprint is null and a.reason is null
    ) as unexplained,
    (select count(a.id) from authorizations as a) as authorizations,
    (select count(h.chain_id) from holds as h) as chains,
    (select count(p.source) from postings as p) as postings,
    (
        select count(p.source)
        from postings as p
        left join accounts as d on d.id = p.debit
        left join accounts as c on c.id = p.credit
        where p.debit = p.credit or p.amount <= 0
            or coalesce(d.currency, p.currency) <> p.currency
            or coalesce(c.currency, p.currency) <> p.currency
            or (p.debit > '00000000-0000-0000-0000-0000000000ff' and d.id is null)
            or (p.credit > '00000000-0000-0000-0000-0000000000ff' and c.id is null)
    ) as unbalanced,
    (select count(o.id) from outbox as o) as outbox
