select json_group_array(json_array(chain_id, account_id, card_id, expires_at))
from (
    select chain_id, account_id, card_id, expires_at
    from holds
    where state = 'active' and expires_at is not null and expires_at between ?1 and ?2
    order by expires_at
    limit ?3
)
