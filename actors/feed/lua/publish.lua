-- Publish items: each is added, or edited if its id is there, and moves to the
-- end of the feed; a bounded feed evicts its oldest (contract 3).
-- KEYS       1 feed.ids  2 feed.items  3 feed.publishes  4 feed.config
-- ordered    5 feed.done: the number of the last ordered call that ran
-- ARGV       1 repeat, of ordered calls with what it has to run behind and its number  2 feed.publish  3 feed.edit  4 feed.retract
-- groups of  2: id, item
-- Returns    a status per item: 1 added, 2 edited; 3 and 4 the same, but the feed
--            is still above its bound: call trim
-- Publishes  feed.retract id for each evicted item, then feed.publish id\0item
--            or feed.edit id\0item
local ids, items, publishes, config = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local repeated, publish, edit, retract = string.sub(ARGV[1], 1, 1) == '1', ARGV[2], ARGV[3], ARGV[4]
local first, groups = 5, (#ARGV - 4) / 2

-- Evictions of one call stay below this, however far the feed is above its bound.
local most_evictions = 1000

local conf = redis.call('HMGET', config, 'type', 'max_length', 'score_unit')
if conf[1] ~= 'feed' then
  return refused(conf[1], groups)
end
local bound = setting(conf[2], 1, nil) -- a peer's nonsense is no bound

-- The score of the newest item decides the unit of all (contract 3, Score). at
-- counts microseconds, so that each item has a later score than the one before.
local newest = redis.call('ZREVRANGE', ids, 0, 0, 'WITHSCORES')[2]
newest = newest and tonumber(newest)
local seconds
if newest then
  seconds = newest < 1e11
else
  seconds = conf[3] == 's'
end
local time = redis.call('TIME')
local at = time[1] * 1000000 + time[2]
if newest then
  local last = math.floor(newest * (seconds and 1e6 or 1e3) + 0.5)
  if last >= at and last < 8e15 then
    at = last + 1
  end
end
local format, per = seconds and '%d.%06d' or '%d.%03d', seconds and 1e6 or 1e3 -- faster than %f
local function score()
  local now = at
  at = at + 1
  return string.format(format, math.floor(now / per), now % per)
end

local wanted = {}
for i = 1, groups do
  wanted[i] = ARGV[first + 2 * i - 2]
end
local there = redis.call('ZMSCORE', ids, unpack(wanted))
redis.call('HLEN', items) -- fails if it is no hash, before anything is written
local number, ran = string.match(ARGV[1], '(%d+)$', 2), nil
if number then
  ran = redis.call('GET', KEYS[5])
  local refusal = early(ARGV[1], ran)
  if refusal then
    return refusal
  end
end

-- What each group does: 1 add, 2 edit, false: a first try has done it already. What
-- comes behind one that is not as the first try left it is done again too: else that
-- one would end behind it, or push it out.
local action, added, done, present = {}, 0, 0, {}
for i = 1, groups do
  local id = wanted[i]
  if repeated and done == i - 1 and there[i] and redis.call('HGET', items, id) == ARGV[first + 2 * i - 1] then
    action[i] = false
    done = done + 1
  elseif there[i] or present[id] then
    action[i] = 2
  else
    action[i] = 1
    added = added + 1
  end
  present[id] = true
end

-- INCRBY comes first: it is the one write that a foreign value can make fail.
if done < groups then
  redis.call('INCRBY', publishes, groups - done)
end
if number and tonumber(number) > newestRun(ran) then
  redis.call('SET', KEYS[5], number .. ' 0-' .. number, 'PX', 3600000) -- as all before it have: the name may become another's
end

local reply = {}
local function tell(i)
  local id, item = wanted[i], ARGV[first + 2 * i - 1]
  if action[i] then
    redis.call('PUBLISH', action[i] == 1 and publish or edit, id .. '\0' .. item)
  end
  reply[i] = action[i] or 1
end
local function evict(n)
  local victims = redis.call('ZRANGE', ids, 0, n - 1)
  redis.call('ZREM', ids, unpack(victims))
  redis.call('HDEL', items, unpack(victims))
  return victims
end

local length = bound and redis.call('ZCARD', ids)
local excess = bound and length + added - bound or 0

if not bound or added == groups and added <= bound and excess <= most_evictions then
  -- No item of this call can be evicted by it: write all at once.
  local victims = excess > 0 and evict(excess) or {}
  local scores, values, n = {}, {}, 0
  for i = 1, groups do
    if action[i] then
      scores[n + 1], scores[n + 2] = score(), wanted[i]
      values[n + 1], values[n + 2] = wanted[i], ARGV[first + 2 * i - 1]
      n = n + 2
    end
  end
  if n > 0 then
    redis.call('ZADD', ids, unpack(scores))
    redis.call('HSET', items, unpack(values))
  end
  local out = 0
  for i = 1, groups do
    -- Each item pushes out what is too much once it is there.
    while out < #victims and length + i - out > bound do
      out = out + 1
      redis.call('PUBLISH', retract, victims[out])
    end
    tell(i)
  end
  return reply
end

-- One after the other: an item may push out one that this call has just added.
local budget = most_evictions
for i = 1, groups do
  if action[i] then
    local id = wanted[i]
    if action[i] == 1 or not redis.call('ZSCORE', ids, id) then
      action[i] = 1 -- it was there, and an item before it in this call pushed it out
      length = length + 1
    end
    redis.call('ZREM', ids, id) -- it must not push out itself
    local n = math.min(length - bound, budget)
    if n > 0 then
      budget, length = budget - n, length - n
      for _, victim in ipairs(evict(n)) do
        redis.call('PUBLISH', retract, victim)
      end
    end
    redis.call('ZADD', ids, score(), id)
    redis.call('HSET', items, id, ARGV[first + 2 * i - 1])
  end
  tell(i)
  if length > bound then
    reply[i] = reply[i] + 2
  end
end
return reply
