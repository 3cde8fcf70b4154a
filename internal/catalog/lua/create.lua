-- Create a name with its configuration, or find that it exists (contract 2).
-- Leftovers that peers did not delete go first. A member without a type (a peer
-- died between its two steps) gets the type asked for.
-- KEYS       1 feeds  2 feed.config  and then every other key of the name
-- ARGV       1 repeat  2 newfeed  3 conffeed
-- then       name, instance, type, field, value, field, value, …
-- Returns    {{status, type}}: 1 created, 0 it exists
-- Publishes  newfeed name\0instance, conffeed name\0instance
local name, instance, type = ARGV[4], ARGV[5], ARGV[6]
if redis.call('SISMEMBER', KEYS[1], name) == 1 then
  local there = redis.call('HGET', KEYS[2], 'type')
  if not there then
    redis.call('HSET', KEYS[2], 'type', type)
    there = type
  end
  return {{0, there}}
end
redis.call('SADD', KEYS[1], name)
redis.call('UNLINK', unpack(KEYS, 2))
redis.call('HSET', KEYS[2], 'type', type, unpack(ARGV, 7))
local payload = name .. '\0' .. instance
redis.call('PUBLISH', ARGV[2], payload)
redis.call('PUBLISH', ARGV[3], payload)
return {{1, type}}
