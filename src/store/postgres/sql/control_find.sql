select body::text from spending_controls where id = $1
