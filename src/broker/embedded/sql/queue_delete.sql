delete from messages
where queue = ?
