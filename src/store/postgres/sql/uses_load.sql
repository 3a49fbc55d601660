-- What the cards of a member have used since a time. A member is a card, a user or a company: only the
-- branch of its kind finds anything.
select k.number, h.currency, h.details
from unnest($1::uuid[], $2::bigint[]) with ordinality as k (member_id, since, number)
cross join lateral (
    select currency, details from holds
    where card_id = k.member_id and last_use_at >= k.since
    offset 0
) as h
union all
select k.number, h.currency, h.details
from unnest($1::uuid[], $2::bigint[]) with ordinality as k (member_id, since, number)
cross join lateral (select id from cards where user_id = k.member_id offset 0) as c
cross join lateral (
    select currency, details from holds where card_id = c.id and last_use_at >= k.since offset 0
) as h
union all
select k.number, h.currency, h.details
from unnest($1::uuid[], $2::bigint[]) with ordinality as k (member_id, since, number)
cross join lateral (select id from users where company_id = k.member_id offset 0) as u
cross join lateral (select id from cards where user_id = u.id offset 0) as c
cross join lateral (
    select currency, details from holds where card_id = c.id and last_use_at >= k.since offset 0
) as h
