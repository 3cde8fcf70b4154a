-- Finish claimed jobs (contract 6). A result is announced and kept for a time.
-- KEYS       1 feed.items  2 feed.claimed  3 feed.claimants  4 feed.cancelled
--            5 feed.published  6 feed.finishes  7 feed.errors  8 feed.progress
--            9 feed.waiters  10 feed.config
-- each       feed.result: for each group with a result
-- ARGV       1 repeat  2 job.finish  3 job.ended
-- groups of  3: id, token, "" or "1" and the result
-- Returns    per job: 1 finished, 0 not claimed under that token, 2 the same but a
--            first try may have finished it
-- Publishes  job.finish id\0result for each result; job.ended id\0finished for each
--            job without one, while somebody waits
local items, claimed, claimants = KEYS[1], KEYS[2], KEYS[3]
local groups = (#ARGV - 3) / 3
local conf = redis.call('HMGET', KEYS[10], 'type', 'result_ttl')
if conf[1] ~= 'job' then
  return refused(conf[1], groups)
end
local wanted = {}
for i = 1, groups do
  wanted[i] = ARGV[3 * i + 1]
end
local held = redis.call('ZMSCORE', claimed, unpack(wanted))
local holders = redis.call('HMGET', claimants, unpack(wanted))
local function ours(score) -- and not of a peer who claimed the job since
  return score and tonumber(score) % 1 == 0.5
end
local reply, ended, n, refusal = {}, {}, 0, ARGV[1] == '1' and 2 or 0
local score, good -- the last one that was looked at: jobs are claimed many at a time
for i = 1, groups do
  if held[i] ~= score then
    score, good = held[i], ours(held[i])
  end
  if good and holders[i] == ARGV[3 * i + 2] then
    n = n + 1
    ended[n], reply[i] = wanted[i], 1
  else
    reply[i] = refusal
  end
end
if n == 0 then
  return reply
end
if not countable(redis.call('GET', KEYS[6])) then
  return redis.error_reply('ERR ' .. KEYS[6] .. ' cannot be counted on') -- before anything is written
end
redis.call('HDEL', items, unpack(ended)) -- fails on a foreign value; allowed when memory is short, so the next are too
local distinct = redis.call('ZREM', claimed, unpack(ended))
redis.call('INCRBY', KEYS[6], distinct)
redis.call('HDEL', claimants, unpack(ended))
lenient('ZREM', KEYS[5], unpack(ended)) -- the jobs have ended: a foreign value of this key, or of those below, changes nothing
local watched = false
if redis.call('EXISTS', KEYS[4], KEYS[7], KEYS[8], KEYS[9]) > 0 then
  lenient('HDEL', KEYS[4], unpack(ended))
  lenient('HDEL', KEYS[7], unpack(ended))
  lenient('HDEL', KEYS[8], unpack(ended))
  watched = redis.call('EXISTS', KEYS[9]) == 1
end
if distinct < n then -- a job that was given twice has ended once
  local seen = {}
  for i, id in ipairs(wanted) do
    if reply[i] == 1 then
      reply[i] = seen[id] and refusal or 1
      seen[id] = true
    end
  end
end
local ttl = setting(conf[2], 0, 600000)
local key = 10 -- the KEYS before those of results
for i, id in ipairs(wanted) do
  local has = ARGV[3 * i + 3] ~= ''
  key = has and key + 1 or key
  if reply[i] == 1 then
    if has then
      local result = string.sub(ARGV[3 * i + 3], 2)
      if ttl > 0 then
        redis.call('SET', KEYS[key], result, 'PX', ttl)
      end
      redis.call('PUBLISH', ARGV[2], id .. '\0' .. result)
    elseif watched then
      redis.call('PUBLISH', ARGV[3], id .. '\0finished')
    end
  end
end
return reply
