-- Read some of the names (contract 2).
-- KEYS       1 feeds
-- ARGV       1 repeat
-- then       cursor, count
-- Returns    {{next cursor ("0": the end), {name, …}}}
return {redis.call('SSCAN', KEYS[1], ARGV[2], 'COUNT', ARGV[3])}
