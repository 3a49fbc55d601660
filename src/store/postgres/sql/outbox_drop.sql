-- Only from the front, and never what a relay has in hand.
delete from outbox as o using (
    select f.id
    from (select id, at from outbox order by id limit $2 for update skip locked) as f
    where f.at < $1
) as old
where o.id = old.id
