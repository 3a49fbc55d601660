-- A page of the cards that draw on an account, newest first.
select id, user_id, account_id, marqeta_token, last_four, product, expires, status, version,
    created_at, status_set_at, status_set_by
from cards
where account_id = $4::uuid
    and id < $1::uuid
    and ($3::uuid is null or user_id = $3::uuid)
    and ($5::text is null or status = $5::text)
    and ($6::uuid is null or account_id = (select account_id from companies where id = $6::uuid))
order by id desc
limit $2::bigint
