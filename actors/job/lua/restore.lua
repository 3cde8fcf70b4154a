-- Put unaccounted jobs back into the line (contract 6, Maintenance).
-- KEYS       1 feed.ids  2 feed.items  3 feed.claimed  4 feed.stalled  5 feed.delayed
--            6 feed.config
-- ARGV       1 repeat
-- groups of  1: id
-- Returns    per id: 1 put back, 0 it is in some state by now. A repeat finds what the
--            first try put back at the left end
local type = redis.call('HGET', KEYS[6], 'type')
if type ~= 'job' then
  return refused(type, #ARGV - 1)
end
local reply = {}
for i = 2, #ARGV do
  local id = ARGV[i]
  reply[i - 1] = 0
  if redis.call('HEXISTS', KEYS[2], id) == 1 and not redis.call('ZSCORE', KEYS[3], id)
    and redis.call('SISMEMBER', KEYS[4], id) == 0 and not redis.call('ZSCORE', KEYS[5], id)
    and not redis.call('LPOS', KEYS[1], id, 'MAXLEN', 1000) then
    redis.call('LPUSH', KEYS[1], id)
    reply[i - 1] = 1
  end
end
return reply
