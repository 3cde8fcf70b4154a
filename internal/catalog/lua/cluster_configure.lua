-- Set and remove fields of the configuration of a name, in a cluster (contract 8).
-- KEYS       1 feed.config
-- ARGV       1 repeat  2 conffeed
-- then       name, instance, the type it must have or "", number of fields to set,
--            field, value, …, field to remove, …
-- Returns    {status}: 1 done, -1 no such name, below that: it has another type
-- Publishes  conffeed name\0instance
local name, instance, want, n = ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6])
local type = redis.call('HGET', KEYS[1], 'type')
if not type or want ~= '' and type ~= want then
  return refused(type, 1)
end
if n > 0 then
  redis.call('HSET', KEYS[1], unpack(ARGV, 7, 6 + 2 * n))
end
if #ARGV > 6 + 2 * n then
  redis.call('HDEL', KEYS[1], unpack(ARGV, 7 + 2 * n))
end
redis.call('PUBLISH', ARGV[2], name .. '\0' .. instance)
return {1}
