-- Read some ids of the jobs in one state (contract 6).
-- KEYS       1 feed.ids  2 feed.items  3 feed.claimed  4 feed.stalled  5 feed.delayed
--            6 feed.config
-- ARGV       1 repeat
-- then       state: available, claimed, stalled, delayed or all; cursor ("0" to begin);
--            most ids
-- Returns    {{status 1, next cursor ("0": the end), {id, …}}}
local state, cursor, count = ARGV[2], ARGV[3], tonumber(ARGV[4])
local type = redis.call('HGET', KEYS[6], 'type')
if type ~= 'job' then
  return {{refused(type, 1)[1], '0', {}}}
end
local page
if state == 'stalled' then
  page = redis.call('SSCAN', KEYS[4], cursor, 'COUNT', count)
  return {{1, page[1], page[2]}}
elseif state == 'all' then
  page = redis.call('HSCAN', KEYS[2], cursor, 'COUNT', count)
  local list = {}
  for i = 1, #page[2], 2 do
    list[#list + 1] = page[2][i]
  end
  return {{1, page[1], list}}
end
local first, list = tonumber(cursor), nil
if state == 'available' then
  local right = redis.call('LRANGE', KEYS[1], -first - count, -first - 1)
  list = {}
  for i = #right, 1, -1 do
    list[#list + 1] = right[i]
  end
else
  list = redis.call('ZRANGE', state == 'claimed' and KEYS[3] or KEYS[5], first, first + count - 1)
end
return {{1, #list == count and string.format('%.0f', first + count) or '0', list}}
