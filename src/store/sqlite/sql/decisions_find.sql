select json_group_array(json_array(
    a.transaction_token, json_array(
        d.token, d.fingerprint, d.authorization_id, d.reason, d.code, json(d.balances),
        d.repeated, d.at, json(d.echo), a.chain_id
    )
))
from json_each(?1) as k
cross join authorizations as a on a.transaction_token = k.value
cross join decisions as d on d.authorization_id = a.id and d.token = a.token
