select body::text from spending_limits where id = $1
