select
    (select count(d.token) from decisions as d) as decisions,
    (select count(d.token) from decisions as d where d.reason is null) as approved,
    (
        select count(d.token)
        from decisions as d
        left join authorizations as a on a.id = d.authorization_id
        where a.id is null or a.token <> d.token or a.reason is distinct from d.reason
            or a.code is distinct from d.code
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
