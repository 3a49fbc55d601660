-- Keeps facts under their names, unless a floor or what is there says that they are old.
-- KEYS: the floors of the home, then the keys to fill.
-- ARGV: what usable values begin with (up to their version, and from there to their home), version,
--       time to live (ms), prefix of the sets of names, number of stamps,
--       then for each stamp: subject, version, "1" if its names are listed;
--       then a value for each key.
-- Returns how many were kept.
local version, ttl, names = tonumber(ARGV[3]), ARGV[4], ARGV[5]
local stamps = tonumber(ARGV[6])
for i = 0, stamps - 1 do
  local floor = redis.pcall('HGET', KEYS[1], ARGV[7 + 3 * i])
  if type(floor) == 'table' then return 0 end
  if floor and tonumber(floor) > tonumber(ARGV[8 + 3 * i]) then return 0 end
end
local values, kept = 6 + 3 * stamps, 0
for k = 2, #KEYS do
  local there = redis.pcall('GET', KEYS[k])
  local newer = false
  if type(there) == 'string' then
    local found, home = string.match(there, '^' .. ARGV[1] .. '(%d+)(,"home":"%a+")')
    newer = found and home == ARGV[2] and tonumber(found) > version
  end
  if not newer then
    redis.call('SET', KEYS[k], ARGV[values + k - 1], 'PX', ttl)
    kept = kept + 1
    for i = 0, stamps - 1 do
      if ARGV[9 + 3 * i] == '1' then
        local set = names .. ARGV[7 + 3 * i]
        -- A name may be forgotten no sooner than what it names.
        if type(redis.pcall('SADD', set, KEYS[k])) == 'number' then
          redis.call('PEXPIRE', set, 2 * 3600 * 1000)
        end
      end
    end
  end
end
return kept
