delete from messages
where seq in (select value from json_each(?))
