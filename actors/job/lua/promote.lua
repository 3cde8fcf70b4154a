-- Make delayed jobs available that are due, at most 500 at a time (contract 7).
-- KEYS       1 feed.ids  2 feed.items  3 feed.delayed  4 feed.config
-- ARGV       1 repeat
-- groups of  1: unused
-- Returns    per group: ms until the next is due, 0 if some are due now, -10 if none is
--            delayed
local groups = #ARGV - 1
local type = redis.call('HGET', KEYS[4], 'type')
if type ~= 'job' then
  return refused(type, groups)
end
redis.call('LLEN', KEYS[1]) -- fails on a foreign value before anything is written
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local due = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', string.format('%.0f', now), 'LIMIT', 0, 500)
if #due > 0 then
  local values, back = redis.call('HMGET', KEYS[2], unpack(due)), {}
  for i, id in ipairs(due) do
    if values[i] then
      back[#back + 1] = id
    end
  end
  redis.call('ZREM', KEYS[3], unpack(due))
  if #back > 0 then
    redis.call('LPUSH', KEYS[1], unpack(back))
  end
end
local next = redis.call('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES')[2]
local wait = next and math.max(0, math.ceil(moment(next, now + 1e9) - now)) or -10
local reply = {}
for i = 1, groups do
  reply[i] = wait
end
return reply
