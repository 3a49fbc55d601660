select json_array(
    (select count(*) from decisions),
    (select count(*) from decisions where reason is null),
    (
        select count(*)
        from decisions as d left join authorizations as a on a.id = d.authorization_id
        where a.id is null or a.token <> d.token or a.reason is not d.reason
            or a.code is not d.code
    ),
    (select count(*) from authorizations),
    (select count(*) from holds),
    (select count(*) from postings),
    (
        select count(*)
        from postings as p
        left join accounts as d on d.id = p.debit
        left join accounts as c on c.id = p.credit
        where p.debit = p.credit or p.amount <= 0
            or coalesce(d.currency, p.currency) <> p.currency
            or coalesce(c.currency, p.currency) <> p.currency
            or (p.debit glob 'acc_*' and d.id is null)
            or (p.credit glob 'acc_*' and c.id is null)
    ),
    (select count(*) from outbox)
)
