-- Counters of users that a limit no longer has: with a currency (usr_.../EUR) where amounts are counted, and
-- without where they are not.
delete from counters where limit_id = ?1 and member glob 'usr_*' and (member glob '*/*') <> ?2
