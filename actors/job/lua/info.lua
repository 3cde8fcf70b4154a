-- Read what is known of one job (contract 6, 7).
-- KEYS       1 feed.items  2 feed.claimed  3 feed.stalled  4 feed.delayed
--            5 feed.cancelled  6 feed.errors  7 feed.progress  8 feed.published
--            9 feed.waiters  10 feed.config
-- each       feed.result
-- ARGV       1 repeat
-- then       id, ms for which somebody waits for the job's end or "0"
-- Returns    {{status 1, state, item, failures, error, progress, when put in ms or 0,
--            when due in ms or 0, result}}: state is available, claimed, stalled,
--            delayed, finished (there is a result) or "" (unknown); null where there is
--            none
local id = ARGV[2]
local type = redis.call('HGET', KEYS[10], 'type')
if type ~= 'job' then
  return {{refused(type, 1)[1], '', false, 0, false, false, 0, 0, false}}
end
if ARGV[3] ~= '0' then
  redis.call('SET', KEYS[9], '1', 'PX', ARGV[3])
end
local item = redis.call('HGET', KEYS[1], id)
local result = redis.call('GET', KEYS[11])
local due = redis.call('ZSCORE', KEYS[4], id)
local state = ''
if item then
  if redis.call('ZSCORE', KEYS[2], id) then
    state = 'claimed'
  elseif redis.call('SISMEMBER', KEYS[3], id) == 1 then
    state = 'stalled'
  elseif due then
    state = 'delayed'
  else
    state = 'available'
  end
elseif result then
  state = 'finished'
end
local put = moment(redis.call('ZSCORE', KEYS[8], id), 0)
return {{
  1, state, item, setting(redis.call('HGET', KEYS[5], id), 0, 0),
  redis.call('HGET', KEYS[6], id), redis.call('HGET', KEYS[7], id),
  put, moment(due, 0), result,
}}
