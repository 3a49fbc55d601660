-- Which of these cards (?1) and users (?2), unknown when they were looked up, are known now.
select
    (select json_group_array(value) from json_each(?1) where exists (
        select 1 from cards where id = value or marqeta_token = value
    )) as cards,
    (select json_group_array(value) from json_each(?2) where exists (
        select 1 from users where id = value or marqeta_token = value
    )) as users
