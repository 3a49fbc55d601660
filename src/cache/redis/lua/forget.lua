-- Forgets facts that a lane has found to be old, unless what is there is newer.
-- KEYS: the keys. ARGV: what usable values begin with (up to their version, and from there to their
-- home), then the stale version of each key.
-- Returns how many were forgotten.
local forgotten = 0
for k = 1, #KEYS do
  local there = redis.pcall('GET', KEYS[k])
  local newer = false
  if type(there) == 'string' then
    local found, home = string.match(there, '^' .. ARGV[1] .. '(%d+)(,"home":"%a+")')
    newer = found and home == ARGV[2] and tonumber(found) > tonumber(ARGV[k + 2])
  end
  if not newer then forgotten = forgotten + redis.call('DEL', KEYS[k]) end
end
return forgotten
