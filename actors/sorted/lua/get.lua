-- Read items by id (contract 4).
-- KEYS       1 feed.items  2 feed.config
-- ARGV       1 repeat
-- groups of  1: id
-- Returns    an item per id, null if there is none
local type = redis.call('HGET', KEYS[2], 'type')
if type ~= 'sorted_feed' then
  return refused(type, #ARGV - 1)
end
return redis.call('HMGET', KEYS[1], unpack(ARGV, 2))
