-- What the cards of a member have used since a time. Keys are (number, member, since); the prefix of
-- the member's id says which branch finds anything.
select json_group_array(json_array(u.number, u.currency, json(u.details)))
from (
    select k.value ->> 0 as number, h.currency as currency, h.details as details
    from jsonb_each(?1) as k
    cross join holds as h on h.card_id = k.value ->> 1 and h.last_use_at >= k.value ->> 2
    union all
    select k.value ->> 0, h.currency, h.details
    from jsonb_each(?1) as k
    cross join cards as c on c.user_id = k.value ->> 1
    cross join holds as h on h.card_id = c.id and h.last_use_at >= k.value ->> 2
    union all
    select k.value ->> 0, h.currency, h.details
    from jsonb_each(?1) as k
    cross join users as p on p.company_id = k.value ->> 1
    cross join cards as c on c.user_id = p.id
    cross join holds as h on h.card_id = c.id and h.last_use_at >= k.value ->> 2
) as u
