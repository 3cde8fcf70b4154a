-- Read a part of the list, with or without items, and some items by their ids
-- (contract 4). With a marker channel, the marker is published in the same step: who
-- follows the sorted feed knows which messages the page already includes.
-- KEYS       1 feed.ids  2 feed.items  3 feed.idincr  4 feed.config
-- ARGV       1 repeat
-- then       index of the first one, most ids (fewer if their items are large), "1" to
--            read items or "0" for ids only,
--            marker channel or "", marker, number of anchors, anchors, ids to read as well
-- Returns    {{status 1, what was published or "", index of the first one, length of the
--            list, last id that was given away or "", number of ids asked for by id, id,
--            item or null, …}}: those asked for by id, as many as fit, then those of the
--            list; without items each item is ""
-- Publishes  marker and the time, on the marker channel: a page that is read again
--            after a lost reply has a marker of its own
--
-- The anchors are the ids that a walk read last, the latest first. They should be right
-- in front of the index. Where the last two are further in front, still together, the
-- walk goes on behind them. Where others of them have come to the index, it goes on from
-- there, and comes across the rest again. Otherwise it goes through the list from the
-- beginning.
local ids, items = KEYS[1], KEYS[2]
local index, count, bodies = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4] == '1'
local channel, first = ARGV[5], 8
local anchors, wanted = {unpack(ARGV, first, first + ARGV[7] - 1)}, {unpack(ARGV, first + ARGV[7])}

local mark = ''
if channel ~= '' then
  local time = redis.call('TIME')
  mark = ARGV[6] .. ' ' .. time[1] .. ' ' .. time[2]
  redis.call('PUBLISH', channel, mark)
end
local type = redis.call('HGET', KEYS[4], 'type')
if type ~= 'sorted_feed' then
  return {{refused(type, 1)[1], mark, 0, 0, '', 0}}
end

if #anchors > 0 then
  local from = math.max(0, index - #anchors - 1)
  local rows, n, found = redis.call('LRANGE', ids, from, index - 1), index - from, false
  local function are(k, i) -- rows k and k - 1 the anchors i and i + 1
    return rows[k] == anchors[i] and rows[k - 1] == anchors[i + 1]
  end
  for k = n, 1, -1 do
    if not found and are(k, 1) then
      index, found = from + k, true
    end
  end
  for i = 2, #anchors do
    found = found or are(n, i)
  end
  index = found and index or 0
end

local list = count > 0 and redis.call('LRANGE', ids, index, index + count - 1) or {}
local some, others, used = #wanted, #list, 0
if bodies then
  some, used = fitting(items, wanted, used)
  others = fitting(items, list, used)
end
local rows = {unpack(wanted, 1, some)}
for i = 1, others do
  rows[some + i] = list[i]
end
local reply = {1, mark, index, redis.call('LLEN', ids), redis.call('GET', KEYS[3]) or '', some}
if #rows > 0 then
  local values = bodies and redis.call('HMGET', items, unpack(rows))
  for i, id in ipairs(rows) do
    reply[#reply + 1] = id
    reply[#reply + 1] = not bodies and '' or values[i]
  end
end
return {reply}
