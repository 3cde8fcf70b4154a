-- Set and remove fields of the configuration of a name (contract 2).
-- KEYS       1 feeds  2 feed.config
-- ARGV       1 repeat  2 conffeed
-- then       name, instance, the type it must have or "", number of fields to set,
--            field, value, …, field to remove, …
-- Returns    {status}: 1 done, -1 no such name, below that: it has another type
-- Publishes  conffeed name\0instance
local name, instance, want, n = ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6])
if redis.call('SISMEMBER', KEYS[1], name) == 0 then
  return {-1}
end
local type = redis.call('HGET', KEYS[2], 'type')
if want ~= '' and type ~= want then
  return refused(type, 1)
end
if n > 0 then
  redis.call('HSET', KEYS[2], unpack(ARGV, 7, 6 + 2 * n))
end
if #ARGV > 6 + 2 * n then
  redis.call('HDEL', KEYS[2], unpack(ARGV, 7 + 2 * n))
end
redis.call('PUBLISH', ARGV[2], name .. '\0' .. instance)
return {1}
