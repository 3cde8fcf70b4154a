-- Retract items (contract 4), also those whose id a peer lost from the list. On a
-- repeat, an item that is gone was retracted by the first try.
-- KEYS       1 feed.ids  2 feed.items  3 feed.config
-- ARGV       1 repeat  2 feed.retract
-- groups of  1: id
-- Returns    a status per id: 1 retracted, 0 not found, -7 not run: it would take too
--            long behind the others, ask again
-- Publishes  feed.retract id for each retracted item
local ids, items, retract = KEYS[1], KEYS[2], ARGV[2]
local groups = #ARGV - 2
local type = redis.call('HGET', KEYS[3], 'type')
if type ~= 'sorted_feed' then
  return refused(type, groups)
end

-- Going through the list takes time in proportion to its length: one call goes
-- through about a million elements.
local walks = math.max(1, math.floor(1e6 / (redis.call('LLEN', ids) + 1)))

local reply = {}
for i = 1, groups do
  local id = ARGV[2 + i]
  if redis.call('HEXISTS', items, id) == 0 then
    reply[i] = tonumber(ARGV[1])
  elseif walks == 0 then
    reply[i] = -7
  else
    walks = walks - 1
    redis.call('LREM', ids, 1, id)
    redis.call('HDEL', items, id)
    redis.call('PUBLISH', retract, id)
    reply[i] = 1
  end
end
return reply
