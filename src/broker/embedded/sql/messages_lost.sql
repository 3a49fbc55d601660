update messages
set held = 0, redelivered = 1, returns = returns + 1
where seq in (select value from json_each(?))
