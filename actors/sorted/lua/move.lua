-- Move items (contract 4). An id that a peer lost from the list comes back to it.
-- A command whose number has run before gets the same answer and does nothing: another
-- may have moved the item since.
-- KEYS       1 feed.ids  2 feed.items  3 feed.config
-- of engine  4 feed.answers
-- ARGV       1 repeat  2 feed.position
-- groups of  4: the command's number or "" (it is not known again); id; "first", "last",
--            "before" or "after"; the id beside which, else ""
-- Returns    a status per item: 1 moved, 0 there is no such item, or none to be
--            beside of, -7 not run: it would take too long behind the others, ask again
-- Publishes  feed.position id\0position for each moved item, unless it is to be
--            beside itself
local ids, items, position = KEYS[1], KEYS[2], ARGV[2]
local groups = (#ARGV - 2) / 4

local type = redis.call('HGET', KEYS[3], 'type')
if type ~= 'sorted_feed' then
  return refused(type, groups)
end

-- Going through the list takes time in proportion to its length: one call goes
-- through about a million elements.
local walks = math.max(1, math.floor(1e6 / (redis.call('LLEN', ids) + 1)))

local function move(id, where, rel)
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
  if rel ~= '' and not redis.call('LPOS', ids, rel) then
    return 0 -- a peer lost it from the list
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

local answers, reply = answersOf(KEYS[4]), {}
for i = 1, groups do
  local at = 4 * i - 1
  local number = ARGV[at]
  reply[i] = answers.known(number)
  if not reply[i] then
    reply[i] = move(ARGV[at + 1], ARGV[at + 2], ARGV[at + 3])
    answers.add(number, reply[i])
  end
end
answers.keep()
return reply
