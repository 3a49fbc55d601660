delete from counters where limit_id = ?1
