-- Tell how far claimed jobs are (our own: contract 7).
-- KEYS       1 feed.claimed  2 feed.claimants  3 feed.progress  4 feed.config
-- ARGV       1 repeat  2 job.progress
-- groups of  3: id, token, text
-- Returns    per claim: 1 told, 0 not claimed under that token
-- Publishes  job.progress id\0text
local groups = (#ARGV - 2) / 3
local type = redis.call('HGET', KEYS[4], 'type')
if type ~= 'job' then
  return refused(type, groups)
end
redis.call('HLEN', KEYS[3]) -- fails on a foreign value before anything is written
local function ours(score) -- and not of a peer who claimed the job since
  return score and tonumber(score) % 1 == 0.5
end
local reply = {}
for i = 1, groups do
  local id, text = ARGV[3 * i], ARGV[3 * i + 2]
  reply[i] = 0
  if redis.call('HGET', KEYS[2], id) == ARGV[3 * i + 1] and ours(redis.call('ZSCORE', KEYS[1], id)) then
    redis.call('HSET', KEYS[3], id, text)
    redis.call('PUBLISH', ARGV[2], id .. '\0' .. text)
    reply[i] = 1
  end
end
return reply
