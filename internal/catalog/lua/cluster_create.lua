-- Create a name with its configuration, or find that it exists, in a cluster (contract 8): the set of names is in
-- another slot, so that the field type is what says that a name exists.
-- KEYS       1 feed.config  and then every other key of the name
-- ARGV       1 repeat  2 newfeed  3 conffeed
-- then       name, instance, type, field, value, field, value, …
-- Returns    {{status, type}}: 1 created, 0 it exists
-- Publishes  newfeed name\0instance, conffeed name\0instance
local name, instance, type = ARGV[4], ARGV[5], ARGV[6]
local there = redis.call('HGET', KEYS[1], 'type')
if there then
  return {{0, there}}
end
redis.call('UNLINK', unpack(KEYS))
redis.call('HSET', KEYS[1], 'type', type, unpack(ARGV, 7))
local payload = name .. '\0' .. instance
redis.call('PUBLISH', ARGV[2], payload)
redis.call('PUBLISH', ARGV[3], payload)
return {{1, type}}
