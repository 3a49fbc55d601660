-- A page of authorizations of one home, newest first.
select json_group_array(json_array(
    id, token, transaction_token, chain_id, card_id, account_id, operation, amount, currency, held,
    reason, code, at, json(details)
))
from (
    select id, token, transaction_token, chain_id, card_id, account_id, operation, amount,
        currency, held,
        reason, code, at, details
    from authorizations
    where id < ?1 and id >= ?8
        and (?3 is null or card_id = ?3)
        and (?4 is null or account_id = ?4)
        and (?9 is null or account_id = (select account_id from companies where id = ?9))
        and (?5 is null or (reason is null) = ?5)
        and at >= ?6
        and at < ?7
    order by id desc
    limit ?2
)
