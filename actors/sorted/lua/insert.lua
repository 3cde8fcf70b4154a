-- Insert items: at an end of the list, or beside another item (contract 4). Their
-- ids come from the counter, so a repeat would insert them twice.
-- KEYS       1 feed.ids  2 feed.items  3 feed.publishes  4 feed.idincr  5 feed.config
-- ARGV       1 repeat (unused)  2 feed.publish  3 feed.position
-- groups of  3: "first", "last", "before" or "after"; the id beside which, else "";
--            item
-- Returns    per item its id, or a status: 0 there is no such id to be beside of,
--            -7 not run: it would take too long behind the others, ask again
-- Publishes  feed.publish id\0item, then feed.position id\0position
local ids, items, publishes, idincr = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local publish, position = ARGV[2], ARGV[3]
local first, groups = 4, (#ARGV - 3) / 3

local type = redis.call('HGET', KEYS[5], 'type')
if type ~= 'sorted_feed' then
  return refused(type, groups)
end
redis.call('HLEN', items) -- fails if it is no hash, before anything is written

-- A foreign value would make INCRBY fail when the list is written already.
local function counter(key)
  local value = redis.call('GET', key) or '0'
  local n = tonumber(value)
  return n and math.abs(n) < 9e15 and string.format('%d', n) == value and n
end
local id = counter(idincr)
if not id or not counter(publishes) then
  return redis.error_reply('ERR value is not an integer or out of range')
end

-- Going through the list takes time in proportion to its length: one call goes
-- through about a million elements.
local walks = math.max(1, math.floor(1e6 / (redis.call('LLEN', ids) + 1)))

local sides = {before = 'BEFORE', after = 'AFTER'}
local ends = {first = 'LPUSH', last = 'RPUSH'}
local names = {first = 'begin:', last = ':end'}

-- Consecutive pushes at the same end are one command.
local verb, pushed = nil, {}
local function push()
  if #pushed > 0 then
    redis.call(verb, ids, unpack(pushed))
    pushed = {}
  end
end

local values, inserted, reply = {}, {}, {}
for i = 1, groups do
  local at = first + 3 * (i - 1)
  local where, rel, item = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local new, place = string.format('%d', id + 1), names[where]
  if ends[where] then
    if verb ~= ends[where] then
      push()
      verb = ends[where]
    end
    pushed[#pushed + 1] = new
  elseif not inserted[rel] and redis.call('HEXISTS', items, rel) == 0 then
    reply[i] = 0
  elseif walks == 0 then
    reply[i] = -7
  else
    walks = walks - 1
    push()
    -- -1: a peer lost the other id from the list. Nothing is written then.
    if redis.call('LINSERT', ids, sides[where], rel, new) > 0 then
      place = where == 'before' and ':' .. rel or rel .. ':'
    else
      reply[i] = 0
    end
  end
  if not reply[i] then
    id = id + 1
    reply[i], inserted[new] = new, true
    values[#values + 1], values[#values + 2] = new, item
    redis.call('PUBLISH', publish, new .. '\0' .. item)
    redis.call('PUBLISH', position, new .. '\0' .. place)
  end
end
push()
if #values > 0 then
  redis.call('HSET', items, unpack(values))
  redis.call('INCRBY', idincr, #values / 2)
  redis.call('INCRBY', publishes, #values / 2)
end
return reply
