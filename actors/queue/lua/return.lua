-- Give back to the right end what was taken or popped for a caller who had left,
-- first the one that was last in line (contract 5: the next to be taken is at the
-- right end). A command whose number has run before does nothing.
-- KEYS       1 feed.ids  2 feed.items  3 feed.config
-- of engine  4 feed.done
-- ARGV       1 repeat
-- groups of  4: the command's number or "" (the one before), id, "1" with an item or
--            "0" if only its id was popped, item. An id without an item is dropped
-- Returns    1 per item
local ids, items, done = KEYS[1], KEYS[2], KEYS[4]
local groups = (#ARGV - 1) / 4
local type = redis.call('HGET', KEYS[3], 'type')
if type ~= 'queue' then
  return refused(type, groups)
end
redis.call('LLEN', ids) -- these fail on a foreign value before anything is written
redis.call('HLEN', items)
local ran = redis.call('GET', done)
local last = newestRun(ran)

local number, oldest, newest, fresh = 0, nil, nil, false
local back, values, reply = {}, {}, {}
for i = 1, groups do
  local at = 4 * i - 2
  if ARGV[at] ~= '' then
    number = tonumber(ARGV[at])
    fresh = number > last or not hasRun(ran, number)
  end
  if fresh then
    local id = ARGV[at + 1]
    if ARGV[at + 2] == '1' then
      values[#values + 1], values[#values + 2] = id, ARGV[at + 3]
    end
    if ARGV[at + 2] == '1' or redis.call('HEXISTS', items, id) == 1 then
      back[#back + 1] = id
    end
    oldest, newest = oldest or number, number
  end
  reply[i] = 1
end
if #back > 0 then
  -- DEL first: a script that has begun to write is let finish when memory is short,
  -- and what is given back here is nowhere else.
  redis.call('DEL', done)
  redis.call('SET', done, noteRun(ran, oldest, newest), 'PX', 3600000)
  redis.call('RPUSH', ids, unpack(back))
  if #values > 0 then
    redis.call('HSET', items, unpack(values))
  end
end
return reply
