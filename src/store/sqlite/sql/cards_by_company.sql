-- A page of the cards of a company, newest first.
select json_group_array(json_array(id, user_id, account_id, marqeta_token, last_four, product,
    expires, status, version, created_at, status_set_at, status_set_by))
from (
    select id, user_id, account_id, marqeta_token, last_four, product, expires, status, version,
        created_at, status_set_at, status_set_by
    from cards
    where account_id = (select account_id from companies where id = ?6)
        and id < ?1
        and (?3 is null or user_id = ?3)
        and (?4 is null or account_id = ?4)
        and (?5 is null or status = ?5)
        and account_id like ?7
    order by id desc
    limit ?2
)
