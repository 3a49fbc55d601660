update raw_transactions
set lease = ?2, due = ?3, attempts = attempts + 1
where transaction_id in (select value from json_each(?1))
