-- Renew leases: a claim's score is when its lease began (contract 6, 7).
-- KEYS       1 feed.claimed  2 feed.claimants  3 feed.config
-- ARGV       1 repeat
-- groups of  2: id, token
-- Returns    per claim: 1 renewed, 0 not claimed under that token
local claimed, claimants = KEYS[1], KEYS[2]
local groups = (#ARGV - 1) / 2
local type = redis.call('HGET', KEYS[3], 'type')
if type ~= 'job' then
  return refused(type, groups)
end
local time = redis.call('TIME')
local now = string.format('%.0f.5', time[1] * 1000 + math.floor(time[2] / 1000))
local function ours(score) -- and not of a peer who claimed the job since
  return score and tonumber(score) % 1 == 0.5
end
local wanted, reply, scores = {}, {}, {}
for i = 1, groups do
  wanted[i] = ARGV[2 * i]
end
local held = redis.call('ZMSCORE', claimed, unpack(wanted))
local holders = redis.call('HMGET', claimants, unpack(wanted))
for i, id in ipairs(wanted) do
  reply[i] = 0
  if ours(held[i]) and holders[i] == ARGV[2 * i + 1] then
    reply[i] = 1
    scores[#scores + 1], scores[#scores + 2] = now, id
  end
end
if #scores > 0 then
  redis.call('HDEL', claimants, '') -- a write that is allowed when memory is short, so the next is too
  redis.call('ZADD', claimed, unpack(scores))
end
return reply
