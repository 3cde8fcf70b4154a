-- Delete all keys of a name, in a cluster (contract 7, 8). On a repeat, a name that is gone was deleted by the first try.
-- KEYS       1 feed.config  and then every other key of the name
-- ARGV       1 repeat  2 delfeed
-- then       name, instance
-- Returns    {status}: 1 deleted, -1 no such name
-- Publishes  delfeed name\0instance
local name, instance = ARGV[3], ARGV[4]
if redis.call('EXISTS', KEYS[1]) == 0 then -- whatever it holds
  return {tonumber(ARGV[1]) == 1 and 1 or -1}
end
redis.call('UNLINK', unpack(KEYS))
redis.call('PUBLISH', ARGV[2], name .. '\0' .. instance)
return {1}
