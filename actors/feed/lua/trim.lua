-- Evict the oldest items of a feed that is above its bound, at most 1000 at a
-- time (contract 3).
-- KEYS       1 feed.ids  2 feed.items  3 feed.config
-- ARGV       1 repeat  2 feed.retract
-- groups of  1: unused
-- Returns    for each group how many items are still too many
-- Publishes  feed.retract id for each evicted item
local ids, items = KEYS[1], KEYS[2]
local conf = redis.call('HMGET', KEYS[3], 'type', 'max_length')
local groups = #ARGV - 2
if conf[1] ~= 'feed' then
  return refused(conf[1], groups)
end
local bound = setting(conf[2], 1, nil)
local excess = 0
if bound then
  excess = math.max(0, redis.call('ZCARD', ids) - bound)
end
redis.call('HLEN', items) -- fails if it is no hash, before anything is written
local n = math.min(excess, 1000)
if n > 0 then
  local victims = redis.call('ZRANGE', ids, 0, n - 1)
  redis.call('ZREM', ids, unpack(victims))
  redis.call('HDEL', items, unpack(victims))
  for _, victim in ipairs(victims) do
    redis.call('PUBLISH', ARGV[2], victim)
  end
end
local reply = {}
for i = 1, groups do
  reply[i] = excess - n
end
return reply
