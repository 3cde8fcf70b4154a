-- Make stalled jobs available again (contract 6).
-- KEYS       1 feed.ids  2 feed.items  3 feed.stalled  4 feed.published  5 feed.config
-- ARGV       1 repeat
-- groups of  1: id
-- Returns    per job: 1 available, 0 it is not stalled, 2 the same but a first try may
--            have retried it
local ids, items, stalled, published = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local type = redis.call('HGET', KEYS[5], 'type')
if type ~= 'job' then
  return refused(type, #ARGV - 1)
end
redis.call('LLEN', ids) -- these fail on a foreign value before anything is written
redis.call('ZCARD', published)
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local reply = {}
for i = 2, #ARGV do
  local id = ARGV[i]
  if redis.call('SREM', stalled, id) == 0 then
    reply[i - 1] = ARGV[1] == '1' and 2 or 0
  elseif redis.call('HEXISTS', items, id) == 0 then
    reply[i - 1] = 0 -- a peer left the id behind: it is swept with this
  else
    redis.call('LPUSH', ids, id)
    redis.call('ZADD', published, now, id)
    reply[i - 1] = 1
  end
end
return reply
