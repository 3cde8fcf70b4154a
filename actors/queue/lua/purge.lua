-- Throw away everything that waits (contract 5). UNLINK frees a long queue in the
-- background. A command whose number has run before does nothing: what is there was
-- put since.
-- KEYS       1 feed.ids  2 feed.items  3 feed.config
-- of engine  4 feed.done
-- ARGV       1 repeat
-- groups of  1: the command's number
-- Returns    the number of items thrown away, per group; 0 for one that has run before
local type = redis.call('HGET', KEYS[3], 'type')
if type ~= 'queue' then
  return refused(type, #ARGV - 1)
end
redis.call('LLEN', KEYS[1]) -- fails on a foreign value before anything is thrown away
local ran = redis.call('GET', KEYS[4])
local reply = {}
for i = 2, #ARGV do
  reply[i - 1] = 0
  local number = tonumber(ARGV[i])
  if not hasRun(ran, number) then
    ran = noteRun(ran, number, number)
    reply[i - 1] = redis.call('HLEN', KEYS[2])
    redis.call('UNLINK', KEYS[1], KEYS[2]) -- first: allowed when memory is short
    redis.call('SET', KEYS[4], ran, 'PX', 3600000)
  end
end
return reply
