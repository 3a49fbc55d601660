-- A page of the authorizations of a card, newest first. Rows lie in
-- the order of their arrival.
select json_group_array(json_array(
    id, token, transaction_token, chain_id, card_id, account_id, operation, amount, currency, held,
    reason, code, at, json(details)
))
from (
    select id, token, transaction_token, chain_id, card_id, account_id, operation, amount,
        currency, held,
        reason, code, at, details
    from authorizations
    where card_id = ?3
        and rowid < coalesce((select rowid from authorizations where id = ?1), 9223372036854775807)
        and (?8 is null or id >= ?8)
        and (?4 is null or account_id = ?4)
        and (?9 is null or account_id = (select account_id from companies where id = ?9))
        and (?5 is null or (reason is null) = ?5)
        and at >= ?6
        and at < ?7
    order by rowid desc
    limit ?2
)
