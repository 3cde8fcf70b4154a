-- Retract items (contract 3). On a repeat, an item that is gone was retracted by
-- the first try.
-- KEYS       1 feed.ids  2 feed.items  3 feed.config
-- ARGV       1 repeat  2 feed.retract
-- groups of  1: id
-- Returns    a status per id: 1 retracted, 0 not found
-- Publishes  feed.retract id for each retracted item
local ids, items, retract = KEYS[1], KEYS[2], ARGV[2]
local groups = #ARGV - 2
local type = redis.call('HGET', KEYS[3], 'type')
if type ~= 'feed' then
  return refused(type, groups)
end
local there = redis.call('ZMSCORE', ids, unpack(ARGV, 3))
redis.call('HLEN', items) -- fails if it is no hash, before anything is written
local reply, found, seen = {}, {}, {}
for i = 1, groups do
  local id = ARGV[2 + i]
  if there[i] and not seen[id] then
    seen[id] = true
    found[#found + 1] = id
    reply[i] = 1
  else
    reply[i] = ARGV[1] == '1' and 1 or 0
  end
end
if #found > 0 then
  redis.call('ZREM', ids, unpack(found))
  redis.call('HDEL', items, unpack(found))
  for _, id in ipairs(found) do
    redis.call('PUBLISH', retract, id)
  end
end
return reply
