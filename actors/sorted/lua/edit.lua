-- Edit items, which stay where they are (contract 4). On a repeat, an item that
-- has the new body was edited by the first try.
-- KEYS       1 feed.items  2 feed.publishes  3 feed.config
-- ARGV       1 repeat  2 feed.publish
-- groups of  2: id, item
-- Returns    a status per item: 1 edited, 0 not found
-- Publishes  feed.publish id\0item for each edited item
local items, publish = KEYS[1], ARGV[2]
local repeated = ARGV[1] == '1'
local first, groups = 3, (#ARGV - 2) / 2

local type = redis.call('HGET', KEYS[3], 'type')
if type ~= 'sorted_feed' then
  return refused(type, groups)
end

local reply, values, bodies = {}, {}, {}
for i = 1, groups do
  local id, item = ARGV[first + 2 * i - 2], ARGV[first + 2 * i - 1]
  reply[i] = redis.call('HEXISTS', items, id)
  if reply[i] == 1 then
    if repeated and not bodies[id] then
      bodies[id] = redis.call('HGET', items, id)
    end
    if not repeated or bodies[id] ~= item then
      bodies[id] = item
      values[#values + 1], values[#values + 2] = id, item
    end
  end
end
if #values == 0 then
  return reply
end
-- INCRBY comes first: it is the one write that a foreign value can make fail.
redis.call('INCRBY', KEYS[2], #values / 2)
redis.call('HSET', items, unpack(values))
for i = 1, #values, 2 do
  redis.call('PUBLISH', publish, values[i] .. '\0' .. values[i + 1])
end
return reply
