-- A page of accounts of companies, newest first: their ids come before those of wallets.
select json_group_array(json_array(id, currency, limit_minor, funded, held, posted, version))
from (
    select id, currency, limit_minor, funded, held, posted, version
    from accounts
    where id < ?1
        and id >= 'acc_b'
        and ?3 is null
    order by id desc
    limit ?2
)
