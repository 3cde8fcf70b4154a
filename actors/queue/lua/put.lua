-- Put items into the queue (contract 5). A command whose number has run before
-- does nothing: its item may have been taken already.
-- KEYS       1 feed.ids  2 feed.items  3 feed.publishes  4 feed.config
-- of engine  5 feed.done
-- ARGV       1 repeat, and what it has to run behind
-- groups of  4: the command's number or "" (the one before), id, item, "1" for high
--            priority or "0"
-- Returns    1 per item
local ids, items, publishes, config, done = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local groups = (#ARGV - 1) / 4
local type = redis.call('HGET', config, 'type')
if type ~= 'queue' then
  return refused(type, groups)
end
redis.call('LLEN', ids) -- these fail on a foreign value before anything is written
redis.call('HLEN', items)
local ran = redis.call('GET', done)
local last = newestRun(ran)
local refusal = #ARGV[1] > 1 and early(ARGV[1], ran)
if refusal then
  return refusal
end

local number, oldest, newest, fresh = 0, nil, nil, false
local low, high, values, n, reply = {}, {}, {}, 0, {}
for i = 1, groups do
  local at = 4 * i - 2
  if ARGV[at] ~= '' then
    number = tonumber(ARGV[at])
    fresh = number > last or not hasRun(ran, number)
  end
  if fresh then
    local id, line = ARGV[at + 1], ARGV[at + 3] == '1' and high or low
    line[#line + 1] = id
    values[n + 1], values[n + 2] = id, ARGV[at + 2]
    n = n + 2
    oldest, newest = oldest or number, number
  end
  reply[i] = 1
end
if n > 0 then
  redis.call('INCRBY', publishes, n / 2)
  redis.call('SET', done, noteRun(ran, oldest, newest), 'PX', 3600000)
  if #low > 0 then
    redis.call('LPUSH', ids, unpack(low))
  end
  if #high > 0 then
    redis.call('RPUSH', ids, unpack(high))
  end
  redis.call('HSET', items, unpack(values))
end
return reply
