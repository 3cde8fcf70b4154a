-- Set and remove fields of the configuration of a name (contract 2).
-- KEYS       1 feeds  2 feed.config
-- ARGV       1 repeat  2 conffeed
-- then       name, instance, number of fields to set, field, value, …, field to remove, …
-- Returns    {status}: 1 done, -1 no such name
-- Publishes  conffeed name\0instance
local name, instance, n = ARGV[3], ARGV[4], tonumber(ARGV[5])
if redis.call('SISMEMBER', KEYS[1], name) == 0 then
  return {-1}
end
if n > 0 then
  redis.call('HSET', KEYS[2], unpack(ARGV, 6, 5 + 2 * n))
end
if #ARGV > 5 + 2 * n then
  redis.call('HDEL', KEYS[2], unpack(ARGV, 6 + 2 * n))
end
redis.call('PUBLISH', ARGV[2], name .. '\0' .. instance)
return {1}
