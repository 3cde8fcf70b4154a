-- Ask which ids are in the feed (contract 3).
-- KEYS       1 feed.ids  2 feed.config
-- ARGV       1 repeat
-- groups of  1: id
-- Returns    per id 1 if it is there, else 0
local type = redis.call('HGET', KEYS[2], 'type')
if type ~= 'feed' then
  return refused(type, #ARGV - 1)
end
local there = redis.call('ZMSCORE', KEYS[1], unpack(ARGV, 2))
for i = 1, #ARGV - 1 do
  there[i] = there[i] and 1 or 0
end
return there
