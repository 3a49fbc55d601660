-- In key order, as lanes write them: two that wait for each other can not be.
with locked as (
    select limit_id, member_id from counters where limit_id = $1 order by limit_id, member_id for update
)
delete from counters as c using locked as k
where c.limit_id = k.limit_id and c.member_id = k.member_id
