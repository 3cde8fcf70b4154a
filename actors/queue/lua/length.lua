-- Count the ids that wait, and the items (contract 5). A peer may have left ids
-- without an item, and a process that died items without an id.
-- KEYS       1 feed.ids  2 feed.items  3 feed.config
-- ARGV       1 repeat
-- groups of  1: "1" to count items, "0" to count ids
-- Returns    a number per group
local type = redis.call('HGET', KEYS[3], 'type')
if type ~= 'queue' then
  return refused(type, #ARGV - 1)
end
local reply = {}
for i = 2, #ARGV do
  if ARGV[i] == '1' then
    reply[i - 1] = redis.call('HLEN', KEYS[2])
  else
    reply[i - 1] = redis.call('LLEN', KEYS[1])
  end
end
return reply
