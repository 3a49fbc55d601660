delete from inbox
where at < ?1
