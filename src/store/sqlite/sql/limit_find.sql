select body from spending_limits where id = ?1
