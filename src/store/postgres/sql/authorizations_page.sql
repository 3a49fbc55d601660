-- A page of authorizations, newest first.
select id, token, transaction_token, chain_id, card_id, account_id, operation, amount, currency,
    held,
    reason, code, at, details
from authorizations
where id < $1::uuid and id >= $8::uuid
    and ($3::uuid is null or card_id = $3::uuid)
    and ($4::uuid is null or account_id = $4::uuid)
    and ($9::uuid is null or account_id = (select account_id from companies where id = $9::uuid))
    and ($5::boolean is null or (reason is null) = $5::boolean)
    and at >= $6::bigint
    and at < $7::bigint
order by id desc
limit $2::bigint
