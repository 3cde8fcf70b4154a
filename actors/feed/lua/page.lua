-- Read some items in feed order or against it, behind a cursor (contract 3). The
-- cursor is the score and id of the last item read, so it holds while the feed
-- changes. With a marker channel, the marker is published in the same step: who
-- follows the feed knows which messages the page already includes.
-- KEYS       1 feed.ids  2 feed.items  3 feed.config
-- ARGV       1 repeat
-- then       "+" or "-" (against the order), cursor's score or "", cursor's id, most
--            items (fewer if they are large), "1" to read items or "0" for ids only, marker channel or "",
--            marker, the only id to read or ""
-- Returns    {{status 1, score and id of the last one ("" at the end), what was
--            published or "", id, item, id, item, …}}: without items each item is "";
--            ids without an item are left out
-- Publishes  marker and the time, on the marker channel: a page that is read again
--            after a lost reply has a marker of its own
local ids, items = KEYS[1], KEYS[2]
local back, score, id = ARGV[2] == '-', ARGV[3], ARGV[4]
local count, bodies, channel, only = tonumber(ARGV[5]), ARGV[6] == '1', ARGV[7], ARGV[9]

local type = redis.call('HGET', KEYS[3], 'type')
if type ~= 'feed' then
  return {{refused(type, 1)[1], '', '', ''}}
end
local range = back and 'ZREVRANGE' or 'ZRANGE'

-- The rank of the first item behind the cursor. Where the cursor's item has gone
-- or moved, items with its score that come before it in order are passed over.
local rank = 0
if score ~= '' then
  if redis.call('ZSCORE', ids, id) == score then
    rank = redis.call(back and 'ZREVRANK' or 'ZRANK', ids, id) + 1
  else
    if back then
      rank = redis.call('ZCOUNT', ids, '(' .. score, '+inf')
    else
      rank = redis.call('ZCOUNT', ids, '-inf', '(' .. score)
    end
    local ties = redis.call(range, ids, rank, rank + 999, 'WITHSCORES')
    for i = 1, #ties, 2 do
      if ties[i + 1] ~= score or (back and ties[i] < id) or (not back and ties[i] > id) then
        break
      end
      rank = rank + 1
    end
  end
end

local rows
if only == '' then
  rows = redis.call(range, ids, rank, rank + count - 1, 'WITHSCORES')
else
  rows = {redis.call('ZSCORE', ids, only) and only or nil}
end
local reply = {1, '', '', ''}
if #rows == 2 * count and only == '' then
  reply[2], reply[3] = rows[#rows], rows[#rows - 1]
end
local found = {}
for i = 1, #rows, 2 do
  found[#found + 1] = rows[i]
end
local fit = bodies and fitting(items, found, 0) or #found
if fit < #found then
  reply[2], reply[3] = rows[2 * fit], rows[2 * fit - 1]
  found = {unpack(found, 1, fit)}
end
if #found > 0 then
  local values = bodies and redis.call('HMGET', items, unpack(found))
  for i, one in ipairs(found) do
    local item = not bodies and '' or values[i]
    if item then
      reply[#reply + 1], reply[#reply + 2] = one, item
    end
  end
end
if channel ~= '' then
  local time = redis.call('TIME')
  reply[4] = ARGV[8] .. ' ' .. time[1] .. ' ' .. time[2]
  redis.call('PUBLISH', channel, reply[4])
end
return {reply}
