-- Read some of what waits, from the one that is next (contract 5). Nothing is taken.
-- KEYS       1 feed.ids  2 feed.items  3 feed.config
-- ARGV       1 repeat
-- then       how many to pass over, most items (fewer if they are large), "1" to read items or "0" for ids only
-- Returns    {{status 1, ids looked at, 1 if there may be more or 0, {id, item, …}}}: without items each item is
--            ""; ids without an item are left out
local skip, count = tonumber(ARGV[2]), tonumber(ARGV[3])
local type = redis.call('HGET', KEYS[3], 'type')
if type ~= 'queue' then
  return {{refused(type, 1)[1], 0, 0, {}}}
end
local list = redis.call('LRANGE', KEYS[1], -skip - count, -skip - 1)
local line, rows = {}, {}
for i = #list, 1, -1 do
  line[#line + 1] = list[i]
end
local more = #line == count and 1 or 0
if ARGV[4] == '1' then
  local fit = fitting(KEYS[2], line, 0)
  if fit < #line then
    line, more = {unpack(line, 1, fit)}, 1
  end
end
if #line > 0 then
  local values = ARGV[4] == '1' and redis.call('HMGET', KEYS[2], unpack(line))
  for i, id in ipairs(line) do
    local item = not values and '' or values[i]
    if item then
      rows[#rows + 1], rows[#rows + 2] = id, item
    end
  end
end
return {{1, #line, more, rows}}
