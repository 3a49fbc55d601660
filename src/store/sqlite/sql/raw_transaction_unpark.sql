update raw_transactions
set state = 'accepted', due = ?2, forgiven = attempts, obstacle = null
where id = ?1 and state = 'parked'
