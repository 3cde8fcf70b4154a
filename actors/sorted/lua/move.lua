-- Move items (contract 4). An id that a peer lost from the list comes back to it.
-- On a repeat, an item that is in its place was moved by the first try.
-- KEYS       1 feed.ids  2 feed.items  3 feed.config
-- ARGV       1 repeat  2 feed.position
-- groups of  3: id; "first", "last", "before" or "after"; the id beside which, else ""
-- Returns    a status per item: 1 moved, 0 there is no such item, or none to be
--            beside of, -7 not run: it would take too long behind the others, ask again
-- Publishes  feed.position id\0position for each moved item, unless it is to be
--            beside itself
local ids, items, position = KEYS[1], KEYS[2], ARGV[2]
local repeated = ARGV[1] == '1'
local first, groups = 3, (#ARGV - 2) / 3

local type = redis.call('HGET', KEYS[3], 'type')
if type ~= 'sorted_feed' then
  return refused(type, groups)
end

-- Going through the list takes time in proportion to its length: one call goes
-- through about a million elements.
local walks = math.max(1, math.floor(1e6 / (redis.call('LLEN', ids) + 1)))

-- Whether the item is in its place already: beside is the index of the other one.
local function there(id, where, beside)
  local index = ({first = 0, last = -1, before = -1, after = 1})[where] + (beside or 0)
  return (index >= 0 or where == 'last') and redis.call('LINDEX', ids, index) == id
end

local function move(id, where, rel)
  local beside
  if redis.call('HEXISTS', items, id) == 0 or rel ~= '' and redis.call('HEXISTS', items, rel) == 0 then
    return 0
  end
  if rel == id then
    return 1
  end
  if walks == 0 then
    return -7
  end
  walks = walks - 1
  if rel ~= '' then
    beside = redis.call('LPOS', ids, rel)
    if not beside then
      return 0 -- a peer lost it from the list
    end
  end
  if repeated and there(id, where, beside) then
    return 1
  end
  redis.call('LREM', ids, 1, id)
  local place
  if where == 'first' then
    redis.call('LPUSH', ids, id)
    place = 'begin:'
  elseif where == 'last' then
    redis.call('RPUSH', ids, id)
    place = ':end'
  else
    redis.call('LINSERT', ids, where, rel, id)
    place = where == 'before' and ':' .. rel or rel .. ':'
  end
  redis.call('PUBLISH', position, id .. '\0' .. place)
  return 1
end

local reply = {}
for i = 1, groups do
  local at = first + 3 * (i - 1)
  reply[i] = move(ARGV[at], ARGV[at + 1], ARGV[at + 2])
end
return reply
