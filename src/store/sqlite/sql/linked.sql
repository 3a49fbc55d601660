-- Names of chains, and of transactions whose authorizations have chains of their own.
select json_group_array(json_array(link, id))
from (
    select link, chain_id as id
    from links
    where link in (select value from json_each(?1))
    union all
    select 't:' || transaction_token, id
    from authorizations
    where transaction_token in (select value from json_each(?2))
)
