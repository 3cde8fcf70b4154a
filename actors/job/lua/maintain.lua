-- Look after a job set, as the one engine that does (contract 6, Maintenance; 7).
-- Everything is bounded: at most 1000 claims are looked at, 100 elements of each hash
-- or set.
-- KEYS       1 feed.ids  2 feed.items  3 feed.claimed  4 feed.claimants
--            5 feed.cancelled  6 feed.published  7 feed.stalled  8 feed.delayed
--            9 feed.errors  10 feed.progress  11 feed.waiters  12 feed.maintenance
--            13 feed.config
-- ARGV       1 repeat  2 job.ended
-- then       engine, ms to be the one, time (ms) until which expired claims may be
--            ended, the timeout's default in ms, rank of the first claim to look at,
--            cursors for feed.claimants, feed.errors, feed.progress, feed.stalled and
--            feed.delayed
-- Returns    {{status 1, or 0 if another engine does it; ms until the next delayed job
--            or -10; claims ended; claims there are; items that are in no state; now;
--            next rank and cursors}}
-- Publishes  job.ended id\0stalled for each job that is stalled, while somebody waits
local ids, items, claimed, claimants = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local cancelled, published, stalled, delayed = KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local errors, progress = KEYS[9], KEYS[10]
local conf = redis.call('HMGET', KEYS[13], 'type', 'max_failures', 'timeout')
if conf[1] ~= 'job' then
  return {{refused(conf[1], 1)[1], -10, 0, 0, 0, 0, 0, '0', '0', '0', '0', '0'}}
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local holder = redis.call('GET', KEYS[12])
if holder and holder ~= ARGV[3] then
  return {{0, -10, 0, 0, 0, now, 0, '0', '0', '0', '0', '0'}}
end
redis.call('LLEN', ids) -- these fail on a foreign value before anything is written
redis.call('HLEN', items)
redis.call('SCARD', stalled)
redis.call('ZCARD', delayed)
redis.call('ZCARD', claimed)
redis.call('HDEL', claimants, '') -- a write that is allowed when memory is short, so the next are too
redis.call('SET', KEYS[12], ARGV[3], 'PX', ARGV[4])
local most = setting(conf[2], 0, 0)
local timeout = setting(conf[3], 1, tonumber(ARGV[6]))

-- Claims whose lease has passed: those of engines by their token, those of peers by
-- the timeout. They end as a cancel does. A claim that is dated far ahead, by a clock
-- that is wrong or has been set back, begins now.
local function ours(score) -- and not of a peer who claimed the job since
  return score and tonumber(score) % 1 == 0.5
end
local function failed(id) -- a foreign value is replaced: the claim has ended by then
  local n = lenient('HINCRBY', cancelled, id, 1)
  if type(n) == 'table' then
    lenient('HSET', cancelled, id, 1)
    n = 1
  end
  return n
end
local ended, first = 0, tonumber(ARGV[7])
local list = redis.call('ZRANGE', claimed, first, first + 999, 'WITHSCORES')
local next = #list == 2000 and first + 1000 or 0
if now <= tonumber(ARGV[5]) and #list > 0 then
  local wanted = {}
  for i = 1, #list, 2 do
    wanted[#wanted + 1] = list[i]
  end
  local holders = redis.call('HMGET', claimants, unpack(wanted))
  for i, id in ipairs(wanted) do
    local since = tonumber(list[2 * i])
    if since < 1e11 then
      since = since * 1000 -- a peer wrote seconds
    end
    local own = ours(list[2 * i])
    local lease = own and setting(string.match(holders[i] or '', ':(%d+)$'), 1, timeout) or timeout
    if since - now > lease then
      redis.call('ZADD', claimed, string.format(own and '%.0f.5' or '%.0f', now), id)
    elseif now - since > lease then
      ended = ended + 1
      redis.call('ZREM', claimed, id)
      redis.call('HDEL', claimants, id)
      lenient('HDEL', progress, id) -- the claim has ended, whatever these are
      if redis.call('HEXISTS', items, id) == 1 then
        lenient('HSET', errors, id, 'the claim was not renewed in time')
        if failed(id) >= most and most > 0 then
          lenient('HDEL', cancelled, id)
          redis.call('SADD', stalled, id)
          lenient('ZREM', published, id)
          if redis.call('EXISTS', KEYS[11]) == 1 then
            redis.call('PUBLISH', ARGV[2], id .. '\0stalled')
          end
        else
          redis.call('LPUSH', ids, id)
        end
      end
    end
  end
  next = math.max(0, next - ended) -- those behind have moved up
end

-- What peers who finished or removed a job have left behind.
local function sweep(n, scan, step, remove, key, alive)
  local page = lenient(scan, key, ARGV[7 + n], 'COUNT', 100)
  if page.err then
    return '0' -- a foreign value: nothing of ours is in it
  end
  for i = 1, #page[2], step do
    if not alive(page[2][i]) then
      redis.call(remove, key, page[2][i])
    end
  end
  return page[1]
end
local function isClaimed(id)
  return ours(redis.call('ZSCORE', claimed, id))
end
local function exists(id)
  return redis.call('HEXISTS', items, id) == 1
end
local cursors = {
  sweep(1, 'HSCAN', 2, 'HDEL', claimants, isClaimed),
  sweep(2, 'HSCAN', 2, 'HDEL', errors, exists),
  sweep(3, 'HSCAN', 2, 'HDEL', progress, isClaimed),
  sweep(4, 'SSCAN', 1, 'SREM', stalled, exists),
  sweep(5, 'ZSCAN', 2, 'ZREM', delayed, exists),
}

local due = redis.call('ZRANGE', delayed, 0, 0, 'WITHSCORES')[2]
local wait = due and math.max(0, math.ceil(moment(due, now + 1e9) - now)) or -10
local held = redis.call('ZCARD', claimed)
local stray = redis.call('HLEN', items) - redis.call('LLEN', ids) - held
  - redis.call('SCARD', stalled) - redis.call('ZCARD', delayed)
return {{1, wait, ended, held, stray, now, next, unpack(cursors)}}
