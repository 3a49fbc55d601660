delete from messages
where queue not in (select value from json_each(?))
