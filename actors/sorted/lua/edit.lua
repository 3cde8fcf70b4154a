-- Edit items, which stay where they are (contract 4). A command whose number has run
-- before gets the same answer and does nothing: another may have changed the item since.
-- KEYS       1 feed.items  2 feed.publishes  3 feed.config
-- of engine  4 feed.answers
-- ARGV       1 repeat  2 feed.publish
-- groups of  3: the command's number or "" (it is not known again), id, item
-- Returns    a status per item: 1 edited, 0 not found
-- Publishes  feed.publish id\0item for each edited item
local items, publish = KEYS[1], ARGV[2]
local groups = (#ARGV - 2) / 3

local type = redis.call('HGET', KEYS[3], 'type')
if type ~= 'sorted_feed' then
  return refused(type, groups)
end

local answers, reply, values = answersOf(KEYS[4]), {}, {}
for i = 1, groups do
  local at = 3 * i
  local number, id = ARGV[at], ARGV[at + 1]
  reply[i] = answers.known(number)
  if not reply[i] then
    reply[i] = redis.call('HEXISTS', items, id)
    if reply[i] == 1 then
      values[#values + 1], values[#values + 2] = id, ARGV[at + 2]
    end
    answers.add(number, reply[i])
  end
end
-- INCRBY comes first: it is the one write that a foreign value can make fail.
if #values > 0 then
  redis.call('INCRBY', KEYS[2], #values / 2)
end
answers.keep()
if #values > 0 then
  redis.call('HSET', items, unpack(values))
end
for i = 1, #values, 2 do
  redis.call('PUBLISH', publish, values[i] .. '\0' .. values[i + 1])
end
return reply
