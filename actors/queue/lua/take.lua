-- Take items from the right end (contract 5): first those whose ids the engine has
-- popped already, then as many more as are wanted, or fewer if they are large. Ids without an item are dropped.
-- What is taken is kept until the engine's next take in the same slot: asked again
-- under the same number, the script gives the same items; asked under an older one,
-- nothing (it is a copy that arrived late).
-- KEYS       1 feed.ids  2 feed.items  3 feed.config
-- of engine  4 feed.taken  5 feed.taken.b: the slots 0 and 1
-- ARGV       1 repeat
-- then       number, slot, wanted, popped id, …
-- Returns    {{status 1, "1" if the queue is empty now, {id, item, …}}}
local ids, items, slot = KEYS[1], KEYS[2], ARGV[3] == '0' and KEYS[4] or KEYS[5]
local number, want = ARGV[2], tonumber(ARGV[4])

local type = redis.call('HGET', KEYS[3], 'type')
if type ~= 'queue' then
  return {{refused(type, 1)[1], '1', {}}}
end
local stored = redis.call('LINDEX', slot, 0)
if stored == number then
  return {{1, redis.call('LINDEX', slot, 1), redis.call('LRANGE', slot, 2, -1)}}
elseif stored and stored > number and string.find(stored, '^%d+$') then
  return {{1, '0', {}}}
end
redis.call('LLEN', ids) -- these fail on a foreign value before anything is written
redis.call('HLEN', items)

redis.call('DEL', slot) -- a write that is allowed when memory is short, so the next are too
local taken, used, full = {}, 0, false
local function accept(list)
  local fit
  fit, used = fitting(items, list, used)
  full = fit < #list
  if full then
    for i = #list, fit + 1, -1 do
      redis.call('RPUSH', ids, list[i])
    end
    list = {unpack(list, 1, fit)}
  end
  if #list == 0 then
    return
  end
  local values, gone, seen = redis.call('HMGET', items, unpack(list)), {}, {}
  for i, id in ipairs(list) do
    if values[i] and not seen[id] then
      seen[id] = true
      gone[#gone + 1] = id
      taken[#taken + 1], taken[#taken + 2] = id, values[i]
      want = want - 1
    end
  end
  if #gone > 0 then
    redis.call('HDEL', items, unpack(gone))
  end
end

if #ARGV > 4 then
  accept({unpack(ARGV, 5)})
end
-- Ids without an item are looked at a bounded number of times.
local empty, looks = '0', 1000
while want > 0 and looks > 0 and not full do
  local n = math.min(want, looks)
  local list = redis.call('RPOP', ids, n) or {}
  if #list > 0 then
    accept(list)
  end
  looks = looks - #list
  if #list < n then
    empty = '1'
    break
  end
end
if redis.call('LLEN', ids) == 0 then
  empty = '1' -- or the next getter would ask in vain
end
redis.call('RPUSH', slot, number, empty, unpack(taken))
redis.call('PEXPIRE', slot, 3600000)
return {{1, empty, taken}}
