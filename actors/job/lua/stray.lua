-- Read some ids of items that are neither claimed, stalled nor delayed (contract 6,
-- Maintenance). Those that are not available either are unaccounted.
-- KEYS       1 feed.items  2 feed.claimed  3 feed.stalled  4 feed.delayed  5 feed.config
-- ARGV       1 repeat
-- then       cursor
-- Returns    {{status 1, next cursor ("0": the end), {id, …}}}
local type = redis.call('HGET', KEYS[5], 'type')
if type ~= 'job' then
  return {{refused(type, 1)[1], '0', {}}}
end
local page = redis.call('HSCAN', KEYS[1], ARGV[2], 'COUNT', 500)
local list = {}
for i = 1, #page[2], 2 do
  local id = page[2][i]
  if not redis.call('ZSCORE', KEYS[2], id) and redis.call('SISMEMBER', KEYS[3], id) == 0
    and not redis.call('ZSCORE', KEYS[4], id) then
    list[#list + 1] = id
  end
end
return {{1, page[1], list}}
