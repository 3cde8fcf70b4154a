-- Count jobs by state (contract 6).
-- KEYS       1 feed.ids  2 feed.items  3 feed.claimed  4 feed.stalled  5 feed.delayed
--            6 feed.publishes  7 feed.finishes  8 feed.config
-- ARGV       1 repeat
-- then       (none)
-- Returns    {{status 1, available, claimed, stalled, delayed, items, publishes,
--            finishes, "1" if claims are paused}}
local conf = redis.call('HMGET', KEYS[8], 'type', 'paused')
if conf[1] ~= 'job' then
  return {{refused(conf[1], 1)[1], 0, 0, 0, 0, 0, 0, 0, '0'}}
end
return {{
  1, redis.call('LLEN', KEYS[1]), redis.call('ZCARD', KEYS[3]), redis.call('SCARD', KEYS[4]),
  redis.call('ZCARD', KEYS[5]), redis.call('HLEN', KEYS[2]),
  setting(redis.call('GET', KEYS[6]), 0, 0), setting(redis.call('GET', KEYS[7]), 0, 0),
  conf[2] == '1' and '1' or '0',
}}
