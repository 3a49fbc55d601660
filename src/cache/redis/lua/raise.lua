-- Raises floors, marks what they have made old, and tells everyone.
-- KEYS: the floors of the home, their ages.
-- ARGV: channel, prefix of the sets of names, what values begin with up to their version, and from
--       there to their home, life of a tombstone (ms), life of a floor (ms), floors at most,
--       then for each floor: subject, version, "1" if its names are listed.
-- Returns the number of the announcement.
local names, head, home = ARGV[2], ARGV[3], ARGV[4]
local tombstone_ms, life_ms, max = ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then
  redis.call('DEL', KEYS[1], KEYS[2])
  redis.call('HSET', KEYS[1], 'epoch', time[1] .. '.' .. time[2])
end
if redis.call('TYPE', KEYS[2]).ok ~= 'zset' then redis.call('DEL', KEYS[2]) end
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if not epoch then
  epoch = time[1] .. '.' .. time[2]
  redis.call('HSET', KEYS[1], 'epoch', epoch)
end
local number = redis.call('HINCRBY', KEYS[1], 'number', 1)
local told = { epoch, number }
for i = 8, #ARGV, 3 do
  local subject, version = ARGV[i], tonumber(ARGV[i + 1])
  local floor = redis.call('HGET', KEYS[1], subject)
  if not floor or tonumber(floor) < version then
    redis.call('HSET', KEYS[1], subject, ARGV[i + 1])
  end
  redis.call('ZADD', KEYS[2], now, subject)
  told[#told + 1] = subject
  told[#told + 1] = ARGV[i + 1]
  local listed = ARGV[i + 2] == '1' and redis.pcall('SMEMBERS', names .. subject) or {}
  for _, key in ipairs(listed.err and {} or listed) do
    local there = redis.pcall('GET', key)
    if type(there) == 'string' then
      local own = string.match(there, '"' .. subject .. '":(%d+)')
      local found = string.match(there, '^' .. head .. '(%d+)')
      if own and found and tonumber(own) < version then
        local mark = head .. string.format('%.0f', tonumber(found) + 1) .. home .. ',"tombstone":true}'
        redis.call('SET', key, mark, 'PX', tombstone_ms)
      end
    end
  end
end
local function drop(subjects)
  if #subjects > 0 then
    redis.call('HDEL', KEYS[1], unpack(subjects))
    redis.call('ZREM', KEYS[2], unpack(subjects))
  end
end
drop(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now - life_ms, 'LIMIT', 0, 256))
local over = redis.call('ZCARD', KEYS[2]) - max
if over > 0 then drop(redis.call('ZRANGE', KEYS[2], 0, math.min(over, 256) - 1)) end
redis.call('PEXPIRE', KEYS[1], 2 * life_ms)
redis.call('PEXPIRE', KEYS[2], 2 * life_ms)
redis.call('PUBLISH', ARGV[1], table.concat(told, ' '))
return number
