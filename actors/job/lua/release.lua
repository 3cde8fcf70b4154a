-- End claims without finishing the jobs (contract 6: cancel, stall).
-- KEYS       1 feed.ids  2 feed.claimed  3 feed.claimants  4 feed.cancelled
--            5 feed.published  6 feed.stalled  7 feed.delayed  8 feed.errors
--            9 feed.waiters  10 feed.config  11 feed.progress
-- ARGV       1 repeat  2 job.ended
-- groups of  6: id, token, what, ms of delay or "-1" for the back-off of the job set, a
--            random number up to 1000 for its jitter, error text or ""
--            what is  cancel  a failure: counted; stalled at the maximum, else delayed
--                             or to the back of the line
--                     snooze  the same without counting
--                     return  to the front of the line, not counted
--                     stall   stalled
-- Returns    per job: 1 available, 3 stalled, above 1000 delayed until then (ms); 0 not
--            claimed under that token, 2 the same but a first try may have done it
-- Publishes  job.ended id\0stalled for each stalled job, while somebody waits
local ids, claimed, claimants, cancelled = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local published, stalled, delayed, errors = KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local groups = (#ARGV - 2) / 6
local conf = redis.call('HMGET', KEYS[10], 'type', 'max_failures', 'min_backoff', 'max_backoff')
if conf[1] ~= 'job' then
  return refused(conf[1], groups)
end
local most = setting(conf[2], 0, 0)
local low = setting(conf[3], 0, 1000)
local high = math.max(low, setting(conf[4], 0, 600000))
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('LLEN', ids) -- these fail on a foreign value before anything is written
redis.call('SCARD', stalled)
redis.call('ZCARD', delayed)
redis.call('HLEN', cancelled)

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
local reply = {}
for i = 1, groups do
  local at = 6 * i - 3
  local id, what, wait, text = ARGV[at], ARGV[at + 2], tonumber(ARGV[at + 3]), ARGV[at + 5]
  if redis.call('HGET', claimants, id) ~= ARGV[at + 1] or not ours(redis.call('ZSCORE', claimed, id)) then
    reply[i] = ARGV[1] == '1' and 2 or 0
  else
    redis.call('ZREM', claimed, id)
    redis.call('HDEL', claimants, id)
    lenient('HDEL', KEYS[11], id) -- the claim has ended, whatever these are
    if text ~= '' then
      lenient('HSET', errors, id, text)
    end
    local failures = 0
    if what == 'cancel' then
      failures = failed(id)
    end
    if what == 'stall' or what == 'cancel' and most > 0 and failures >= most then
      redis.call('HDEL', cancelled, id)
      redis.call('SADD', stalled, id)
      lenient('ZREM', published, id)
      if redis.call('EXISTS', KEYS[9]) == 1 then
        redis.call('PUBLISH', ARGV[2], id .. '\0stalled')
      end
      reply[i] = 3
    elseif what == 'return' then
      redis.call('RPUSH', ids, id)
      reply[i] = 1
    else
      if wait < 0 then
        wait = math.min(high, low * 2 ^ math.min(math.max(failures - 1, 0), 40))
        wait = math.floor(wait / 2 + wait / 2 * tonumber(ARGV[at + 4]) / 1000)
      end
      if wait > 0 then
        reply[i] = now + wait
        redis.call('ZADD', delayed, string.format('%.0f', now + wait), id)
      else
        redis.call('LPUSH', ids, id)
        reply[i] = 1
      end
    end
  end
end
return reply
