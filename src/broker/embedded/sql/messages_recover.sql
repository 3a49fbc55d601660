update messages
set held = 0, redelivered = 1
where held = 1
