-- Read whether a name exists, and its configuration (contract 2).
-- KEYS       1 feeds  2 feed.config
-- ARGV       1 repeat
-- then       name
-- Returns    {{1 or 0 (member or not), {field, value, …}}}
return {{redis.call('SISMEMBER', KEYS[1], ARGV[2]), redis.call('HGETALL', KEYS[2])}}
