-- Count the ids in the list (contract 4).
-- KEYS       1 feed.ids  2 feed.config
-- ARGV       1 repeat
-- groups of  1: unused
-- Returns    the number of ids for each group
local type = redis.call('HGET', KEYS[2], 'type')
if type ~= 'sorted_feed' then
  return refused(type, #ARGV - 1)
end
local reply = {}
for i = 1, #ARGV - 1 do
  reply[i] = redis.call('LLEN', KEYS[1])
end
return reply
