-- Remove jobs, whatever their state (contract 6). On a repeat, a job that is gone
-- was removed by the first try. LREM walks the list of available ids.
-- KEYS       1 feed.ids  2 feed.items  3 feed.claimed  4 feed.claimants
--            5 feed.cancelled  6 feed.published  7 feed.stalled  8 feed.delayed
--            9 feed.errors  10 feed.progress  11 feed.waiters  12 feed.config
-- ARGV       1 repeat  2 job.ended
-- groups of  1: id
-- Returns    per job: 1 removed, 0 not found, -7 not run: it would take too long behind the
--            others, ask again
-- Publishes  job.ended id\0retracted for each job, while somebody waits
local type = redis.call('HGET', KEYS[12], 'type')
if type ~= 'job' then
  return refused(type, #ARGV - 2)
end
-- Going through the list takes time in proportion to its length: one call goes
-- through about a million elements.
local walks = math.max(1, math.floor(1e6 / (redis.call('LLEN', KEYS[1]) + 1)))

local reply = {}
for i = 3, #ARGV do
  local id = ARGV[i]
  if walks == 0 and redis.call('HEXISTS', KEYS[2], id) == 1 then
    reply[i - 2] = -7
  elseif redis.call('HDEL', KEYS[2], id) == 0 then
    reply[i - 2] = tonumber(ARGV[1])
  else
    walks = walks - 1
    lenient('ZREM', KEYS[3], id) -- the job is gone, whatever these are
    lenient('HDEL', KEYS[4], id)
    lenient('HDEL', KEYS[5], id)
    lenient('ZREM', KEYS[6], id)
    lenient('SREM', KEYS[7], id)
    lenient('ZREM', KEYS[8], id)
    lenient('HDEL', KEYS[9], id)
    lenient('HDEL', KEYS[10], id)
    redis.call('LREM', KEYS[1], 0, id)
    if redis.call('EXISTS', KEYS[11]) == 1 then
      redis.call('PUBLISH', ARGV[2], id .. '\0retracted')
    end
    reply[i - 2] = 1
  end
end
return reply
