-- Claim jobs from the right end (contract 6): first those whose ids the engine has
-- popped already, then as many more as are wanted, or fewer if they are large or an id
-- comes twice. An id is dropped if it has no item, or if its job is claimed, stalled or
-- delayed: peers queue ids twice. Which ids were claimed is kept until the engine's next
-- claim in the same slot: asked again under the same number, the script gives the same
-- jobs; under an older one, nothing (it is a copy that arrived late). The score of an
-- engine's claim ends in half a millisecond: a peer who ends it and claims the job again
-- leaves our token, but not that.
-- KEYS       1 feed.ids  2 feed.items  3 feed.claimed  4 feed.claimants
--            5 feed.cancelled  6 feed.published  7 feed.stalled  8 feed.delayed
--            9 feed.config
-- of engine  10 feed.taken  11 feed.taken.b: the slots 0 and 1
-- ARGV       1 repeat  2 feed.claimed (channel)
-- then       number, slot, wanted, engine, ms of lease or "0" for the timeout of the
--            job set, the timeout's default, popped id, …
-- Returns    {{status 1, "1" if no more is available now or "2" if claims are paused,
--            token, now, timeout in ms, {id, item, failures, when put in ms, …}}}
-- Publishes  with notices: id per job
local ids, items, claimed, claimants = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local cancelled, published, stalled, delayed = KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local number, slot, want = ARGV[3], ARGV[4] == '0' and KEYS[10] or KEYS[11], tonumber(ARGV[5])

local conf = redis.call('HMGET', KEYS[9], 'type', 'paused', 'notices', 'timeout')
if conf[1] ~= 'job' then
  return {{refused(conf[1], 1)[1], '1', '', 0, 0, {}}}
end
local timeout = setting(conf[4], 1, tonumber(ARGV[8]))
local lease = tonumber(ARGV[7])
if lease == 0 then
  lease = timeout
end
local token = ARGV[6] .. ':' .. number .. ':' .. string.format('%.0f', lease)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local rest = redis.call('EXISTS', stalled, delayed, cancelled) > 0 -- else there is no need to look at them

local function describe(list, values) -- and their items, where they are known
  local rows = {}
  if #list > 0 then
    values = values or redis.call('HMGET', items, unpack(list))
    -- The jobs are claimed: a foreign value of these must not keep them.
    local failures = rest and lenient('HMGET', cancelled, unpack(list)) or {}
    local dates = lenient('ZMSCORE', published, unpack(list))
    local n, date, put = 0, nil, now -- many have the same date
    for i, id in ipairs(list) do
      if values[i] then -- else a peer has finished it since
        if dates[i] ~= date then
          date, put = dates[i], moment(dates[i], now)
        end
        rows[n + 1], rows[n + 2], rows[n + 4] = id, values[i], put
        rows[n + 3] = failures[i] and setting(failures[i], 0, 0) or 0
        n = n + 4
      end
    end
  end
  return rows
end

local stored = redis.call('LINDEX', slot, 0)
if stored == number then
  local list, mine = redis.call('LRANGE', slot, 2, -1), {}
  if #list > 0 then
    local holders = redis.call('HMGET', claimants, unpack(list))
    for i, id in ipairs(list) do
      if holders[i] == token then
        mine[#mine + 1] = id
      end
    end
  end
  return {{1, redis.call('LINDEX', slot, 1), token, now, timeout, describe(mine)}}
elseif stored and stored > number and string.find(stored, '^%d+$') then
  return {{1, '0', token, now, timeout, {}}}
end
redis.call('LLEN', ids) -- these fail on a foreign value before anything is written
redis.call('HLEN', items)
redis.call('HLEN', claimants)
redis.call('ZCARD', claimed)

redis.call('DEL', slot) -- a write that is allowed when memory is short, so the next are too
local popped = {unpack(ARGV, 9)}
if conf[2] == '1' then
  for i = #popped, 1, -1 do
    redis.call('RPUSH', ids, popped[i])
  end
  redis.call('RPUSH', slot, number, '2')
  redis.call('PEXPIRE', slot, 3600000)
  return {{1, '2', token, now, timeout, {}}}
end

local got, bodies, n, used, full = {}, {}, 0, 0, false
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
  local values = redis.call('HMGET', items, unpack(list))
  local held = redis.call('ZMSCORE', claimed, unpack(list))
  local dead = rest and lenient('SMISMEMBER', stalled, unpack(list)) or {} -- they are popped already
  local late = rest and lenient('ZMSCORE', delayed, unpack(list)) or {}
  for i, id in ipairs(list) do
    if values[i] and not held[i] and dead[i] ~= 1 and not late[i] then
      n, want = n + 1, want - 1
      got[n], bodies[n] = id, values[i]
    end
  end
end
if #popped > 0 then
  -- Nobody waits for replicas when an id is popped: after a fail-over it may still be in the line. Then it is near the end.
  local last = redis.call('LRANGE', ids, -64, -1)
  for _, id in ipairs(popped) do
    for _, other in ipairs(last) do
      if other == id then
        redis.call('LREM', ids, -1, id)
        break
      end
    end
  end
  accept(popped)
end
-- Ids that are dropped are looked at a bounded number of times.
local more, looks = '0', 1000
while want > 0 and looks > 0 and not full do
  local look = math.min(want, looks)
  local list = redis.call('RPOP', ids, look) or {}
  if #list > 0 then
    accept(list)
  end
  looks = looks - #list
  if #list < look and not full then
    more = '1'
    break
  end
end
if n > 0 then
  local scores, holders = {}, {}
  local stamp = string.format('%.0f.5', now)
  for i, id in ipairs(got) do
    scores[2 * i - 1], scores[2 * i] = stamp, id
    holders[2 * i - 1], holders[2 * i] = id, token
  end
  -- Redis keeps small keys as lists, which it walks for each of the jobs. A member of
  -- more than 64 bytes makes them tables, which they stay while they exist.
  local long = n > 8 and string.rep('\0', 65) -- no id
  if long then
    redis.call('ZADD', claimed, stamp, long)
    redis.call('HSET', claimants, long, long)
  end
  local distinct = redis.call('ZADD', claimed, unpack(scores))
  redis.call('HSET', claimants, unpack(holders))
  if long then
    redis.call('ZREM', claimed, long)
    redis.call('HDEL', claimants, long)
  end
  if distinct < n then -- ids that were queued twice: fewer than wanted, then
    local seen, all, what = {}, got, bodies
    got, bodies = {}, {}
    for i, id in ipairs(all) do
      if not seen[id] then
        seen[id] = true
        got[#got + 1], bodies[#bodies + 1] = id, what[i]
      end
    end
  end
end
if redis.call('LLEN', ids) == 0 then
  more = '1' -- or the next claim would ask in vain
end
redis.call('RPUSH', slot, number, more, unpack(got))
redis.call('PEXPIRE', slot, 3600000)
if conf[3] == '1' then
  for _, id in ipairs(got) do
    redis.call('PUBLISH', ARGV[2], id)
  end
end
return {{1, more, token, now, timeout, describe(got, bodies)}}
