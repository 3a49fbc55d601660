-- Which of these cards and users, unknown when they were looked up, are known now: by token ($1, $3) or
-- by id ($2, $4).
select
    (
        select array_agg(c.marqeta_token) from cards as c where c.marqeta_token = any ($1::text[])
    ) as card_tokens,
    (select array_agg(c.id) from cards as c where c.id = any ($2::uuid[])) as card_ids,
    (
        select array_agg(u.marqeta_token) from users as u where u.marqeta_token = any ($3::text[])
    ) as user_tokens,
    (select array_agg(u.id) from users as u where u.id = any ($4::uuid[])) as user_ids
