-- Read some ids of the items, in no order (contract 6, maintenance).
-- KEYS       1 feed.items  2 feed.config
-- ARGV       1 repeat
-- then       cursor
-- Returns    {{status 1, next cursor ("0": the end), {id, …}}}
local type = redis.call('HGET', KEYS[2], 'type')
if type ~= 'queue' then
  return {{refused(type, 1)[1], '0', {}}}
end
local page = redis.call('HSCAN', KEYS[1], ARGV[2], 'COUNT', 500)
local list = {}
for i = 1, #page[2], 2 do
  list[#list + 1] = page[2][i]
end
return {{1, page[1], list}}
