-- Put jobs (contract 6). A command whose number has run before does nothing: its
-- job may have been claimed and finished already.
-- KEYS       1 feed.ids  2 feed.items  3 feed.published  4 feed.delayed
--            5 feed.publishes  6 feed.config
-- of engine  7 feed.done
-- ARGV       1 repeat, and what it has to run behind  2 feed.publishes (channel)
-- groups of  4: the command's number or "" (the one before), id, item, options: "" or
--            "1" if the caller chose the id or "0", "1" for high priority or "0", ms of
--            delay
-- Returns    per job: 1 put, 0 the id exists, 2 it ran before and may have been either
-- Publishes  with notices: id\0item per job
local ids, items, published, delayed, publishes, done = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[7]
local groups = (#ARGV - 2) / 4
local conf = redis.call('HMGET', KEYS[6], 'type', 'notices')
if conf[1] ~= 'job' then
  return refused(conf[1], groups)
end
redis.call('LLEN', ids) -- these fail on a foreign value before anything is written
redis.call('ZCARD', published)
redis.call('ZCARD', delayed)
redis.call('HLEN', items)
local ran = redis.call('GET', done)
local last = newestRun(ran)
local refusal = #ARGV[1] > 1 and early(ARGV[1], ran)
if refusal then
  return refusal
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local stamp = string.format('%.0f', now)

local number, oldest, newest, fresh = 0, nil, nil, false
local low, high, late, values, dates, told, reply = {}, {}, {}, {}, {}, {}, {}
local n, notices, seen = 0, conf[2] == '1', nil -- n is the length of values and dates
local function exists(id) -- in the job set, or put by this call
  if not seen then
    seen = {}
    for i = 1, n, 2 do
      seen[values[i]] = true
    end
  end
  return seen[id] or redis.call('HEXISTS', items, id) == 1
end
for i = 1, groups do
  local at = 4 * i - 1
  local id, item, options = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local own, first, wait = false, false, 0
  if options ~= '' then
    own, first = string.sub(options, 1, 1) == '1', string.sub(options, 2, 2) == '1'
    wait = tonumber(string.sub(options, 3))
  end
  if ARGV[at] ~= '' then
    number = tonumber(ARGV[at])
    fresh = number > last or not hasRun(ran, number)
  end
  reply[i] = 1
  if not fresh then
    if own and redis.call('HGET', items, id) ~= item then
      reply[i] = 2
    end
  elseif own and exists(id) then
    reply[i], oldest, newest = 0, oldest or number, number
  else
    oldest, newest = oldest or number, number
    values[n + 1], values[n + 2] = id, item
    dates[n + 1], dates[n + 2] = stamp, id
    n = n + 2
    if seen then
      seen[id] = true
    end
    if notices then
      told[#told + 1] = id .. '\0' .. item
    end
    if wait > 0 then
      late[#late + 1], late[#late + 2] = string.format('%.0f', now + wait), id
    else
      local line = first and high or low
      line[#line + 1] = id
    end
  end
end
if n > 0 then
  redis.call('INCRBY', publishes, n / 2) -- may fail on a foreign value: so it is first
  redis.call('HSET', items, unpack(values))
  redis.call('ZADD', published, unpack(dates))
  if #low > 0 then
    redis.call('LPUSH', ids, unpack(low))
  end
  if #high > 0 then
    redis.call('RPUSH', ids, unpack(high))
  end
  if #late > 0 then
    redis.call('ZADD', delayed, unpack(late))
  end
end
if newest then
  redis.call('SET', done, noteRun(ran, oldest, newest), 'PX', 3600000)
end
for _, payload in ipairs(told) do
  redis.call('PUBLISH', ARGV[2], payload)
end
return reply
