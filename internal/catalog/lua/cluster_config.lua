-- Read whether a name exists, and its configuration, in a cluster (contract 8).
-- KEYS       1 feed.config
-- ARGV       1 repeat
-- then       name
-- Returns    {{1 or 0 (it exists or not), {field, value, …}}}
return {{redis.call('HEXISTS', KEYS[1], 'type'), redis.call('HGETALL', KEYS[1])}}
