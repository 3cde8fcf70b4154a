-- Find where items are in the list (contract 4).
-- KEYS       1 feed.ids  2 feed.items  3 feed.config
-- ARGV       1 repeat
-- groups of  1: id
-- Returns    per id its place, counted from 1, or a status: 0 there is no such item, or
--            a peer lost it from the list, -7 not run: it would take too long behind the
--            others, ask again
local ids, items = KEYS[1], KEYS[2]
local groups = #ARGV - 1
local type = redis.call('HGET', KEYS[3], 'type')
if type ~= 'sorted_feed' then
  return refused(type, groups)
end

-- Going through the list takes time in proportion to its length: one call goes
-- through about a million elements.
local walks = math.max(1, math.floor(1e6 / (redis.call('LLEN', ids) + 1)))

local reply = {}
for i = 1, groups do
  local id = ARGV[1 + i]
  if redis.call('HEXISTS', items, id) == 0 then
    reply[i] = 0
  elseif walks == 0 then
    reply[i] = -7
  else
    walks = walks - 1
    reply[i] = (redis.call('LPOS', ids, id) or -1) + 1
  end
end
return reply
