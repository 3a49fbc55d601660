select body from spending_controls where id = ?1
