-- Add a name to the set of names, or remove it, in a cluster (contract 8).
-- KEYS       1 feeds
-- ARGV       1 repeat
-- then       name, 1 to add it or 0 to remove it
-- Returns    {status}: 1 done, 0 it was so before
return {redis.call(ARGV[3] == '1' and 'SADD' or 'SREM', KEYS[1], ARGV[2])}
