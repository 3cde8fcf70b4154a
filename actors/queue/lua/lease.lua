-- Become the one engine that maintains the queue, for a time, or cease to be it.
-- KEYS       1 feed.maintenance
-- ARGV       1 repeat
-- groups of  2: engine, ms to hold the lease, 0 to give it up
-- Returns    1 if the engine holds the lease now, else 0
local reply = {}
for i = 2, #ARGV, 2 do
  local holder = redis.call('GET', KEYS[1])
  reply[i / 2] = 0
  if not holder or holder == ARGV[i] then
    if ARGV[i + 1] == '0' then
      redis.call('DEL', KEYS[1])
    else
      redis.call('SET', KEYS[1], ARGV[i], 'PX', ARGV[i + 1])
      reply[i / 2] = 1
    end
  end
end
return reply
