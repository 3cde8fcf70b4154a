-- Make some of the stalled jobs available again (contract 6).
-- KEYS       1 feed.ids  2 feed.items  3 feed.stalled  4 feed.published  5 feed.config
-- ARGV       1 repeat
-- then       most jobs
-- Returns    {{status 1, jobs retried, jobs still stalled}}
local type = redis.call('HGET', KEYS[5], 'type')
if type ~= 'job' then
  return {{refused(type, 1)[1], 0, 0}}
end
redis.call('LLEN', KEYS[1]) -- these fail on a foreign value before anything is written
redis.call('ZCARD', KEYS[4])
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local list = redis.call('SRANDMEMBER', KEYS[3], ARGV[2])
local n = 0
if #list > 0 then
  local values = redis.call('HMGET', KEYS[2], unpack(list))
  redis.call('SREM', KEYS[3], unpack(list))
  for i, id in ipairs(list) do
    if values[i] then
      redis.call('LPUSH', KEYS[1], id)
      redis.call('ZADD', KEYS[4], now, id)
      n = n + 1
    end
  end
end
return {{1, n, redis.call('SCARD', KEYS[3])}}
