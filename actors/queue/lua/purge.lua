-- Throw away everything that waits (contract 5). UNLINK frees a long queue in the
-- background. On a repeat it counts what is there then.
-- KEYS       1 feed.ids  2 feed.items  3 feed.config
-- ARGV       1 repeat
-- groups of  1: unused
-- Returns    the number of items thrown away, for the first group; 0 for others
local type = redis.call('HGET', KEYS[3], 'type')
if type ~= 'queue' then
  return refused(type, #ARGV - 1)
end
local reply = {redis.call('HLEN', KEYS[2])}
for i = 2, #ARGV - 1 do
  reply[i] = 0
end
redis.call('UNLINK', KEYS[1], KEYS[2])
return reply
