-- What the cards of a member have used since a time. A member is a card, a user or a company: only the
-- branch of its kind finds anything.
select k.number, h.currency, h.details
from unnest($1::uuid[], $2::bigint[]) with ordinality as k (member_id, since, number)
join holds as h on h.card_id = k.member_id and h.last_use_at >= k.since
union all
select k.number, h.currency, h.details
from unnest($1::uuid[], $2::bigint[]) with ordinality as k (member_id, since, number)
join cards as c on c.user_id = k.member_id
join holds as h on h.card_id = c.id and h.last_use_at >= k.since
union all
select k.number, h.currency, h.details
from unnest($1::uuid[], $2::bigint[]) with ordinality as k (member_id, since, number)
join users as u on u.company_id = k.member_id
join cards as c on c.user_id = u.id
join holds as h on h.card_id = c.id and h.last_use_at >= k.since
