-- Which of many queues are suspect: there are more items than ids, so that something
-- may be lost (contract 6, maintenance), or they are no queues any more. Costs the
-- same for long queues.
-- KEYS       for each queue: feed.ids, feed.items, feed.config
-- Returns    per queue 1 if it is suspect, else 0
local reply = {}
for i = 1, #KEYS, 3 do
  local ok, excess = pcall(function()
    local type = redis.call('HGET', KEYS[i + 2], 'type')
    if type ~= 'queue' then
      return type == 'job' and 0 or 1 -- job sets are looked after elsewhere
    end
    return redis.call('HLEN', KEYS[i + 1]) - redis.call('LLEN', KEYS[i])
  end)
  reply[#reply + 1] = not (ok and excess <= 0) and 1 or 0
end
return reply
