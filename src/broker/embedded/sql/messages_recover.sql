update messages
set held = 0, redelivered = 1, returns = returns + 1
where held = 1
returning seq
