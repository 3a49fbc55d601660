-- A page of wallets with their accounts, newest first.
select json_group_array(json_array(
    json_array(account_id, user_id, currency, zone, version, created_at),
    json_array(account_id, currency, limit_minor, funded, held, posted, account_version)
))
from (
    select
        w.account_id, w.user_id, w.currency, w.zone, w.version, w.created_at, a.limit_minor,
        a.funded, a.held, a.posted, a.version as account_version
    from wallets as w
    join accounts as a on a.id = w.account_id
    where w.account_id < ?1
    order by w.account_id desc
    limit ?2
)
