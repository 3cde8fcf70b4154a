-- refused answers each group with the reason why the name cannot take the call:
-- it does not exist, or it is of another type. wire.Status has the numbers.
local function refused(type, groups)
  local numbers = {feed = -2, sorted_feed = -3, queue = -4, job = -5}
  local status = type and (numbers[type] or -6) or -1
  local reply = {}
  for i = 1, groups do
    reply[i] = status
  end
  return reply
end

-- fitting counts how many of the ids, in order, have items that fit into a reply of
-- reasonable size: one, and then as many as stay within 4 MiB, of which used are gone.
-- It also tells how much that makes.
local function fitting(items, ids, used)
  for i, id in ipairs(ids) do
    local size = redis.call('HSTRLEN', items, id)
    if used + size > 4194304 and (i > 1 or used > 0) then
      return i - 1, used
    end
    used = used + size
  end
  return #ids, used
end

-- setting reads a number of the configuration, or one that peers count in. What is no
-- whole number, too small or absurdly large (ms would be centuries), counts as absent.
local function setting(value, least, default)
  local n = tonumber(string.match(value or '', '^%d+$') or nil)
  return n and n >= least and n <= 9223372036854 and n or default
end

-- countable reports whether INCRBY can add to what a counter holds. A foreign value
-- has to make a script fail before it has written anything.
local function countable(value)
  return not value or value == '0' or #value <= 18 and string.find(value, '^-?[1-9]%d*$') ~= nil
end

-- moment reads a date in ms. Peers write seconds as well, and rubbish.
local function moment(score, default)
  local t = tonumber(score or nil)
  if not t or not (t >= 0 and t < 9e15) then
    return default
  end
  return math.floor(t < 1e11 and t * 1000 or t)
end

-- lenient is redis.call where a foreign value of a key must not stop the script: it
-- answers with the error. A right that the user lacks stops it all the same.
local function lenient(command, ...)
  local reply = redis.pcall(command, ...)
  local err = type(reply) == 'table' and reply.err
  if err and (string.find(err, "NOPERM") or string.find(err, "can't run this command")) then
    error("NOPERM no right to '" .. command .. "'", 0)
  end
  return reply
end

-- Which numbered commands of an engine have run on a name (feed.done): the newest number,
-- and from-to of the last calls, in the order of their numbers. The newest alone does not tell,
-- since a command may be refused and one that was sent behind it run. What is older than all
-- calls that are kept counts as run.
local function newestRun(done)
  return tonumber(string.match(done or '', '^%d+') or 0)
end

-- hasRun is for numbers that are not above the newest: a script that has many to look at
-- compares first.
local function hasRun(done, number)
  if number > newestRun(done) then
    return false
  end
  local oldest
  for from, to in string.gmatch(done, ' (%d+)-(%d+)') do
    from, to = tonumber(from), tonumber(to)
    if from <= number and number <= to then
      return true
    end
    oldest = oldest or from
  end
  return not oldest or number < oldest
end

-- early is the reply of a call that has to run behind another one, if that has not run: Redis refused it, and it is
-- sent again. how is ARGV[1] of an ordered call: repeat, the number of the call in front of it that was under way, its own.
local function early(how, done)
  local before = tonumber(string.match(how, '^. (%d+)') or 0)
  return before > 0 and not hasRun(done, before)
    and redis.error_reply('EARLY the call in front of it has not run') or nil
end

-- withRun is calls with one more, of which some have greater numbers: it was refused, and is repeated.
local function withRun(calls, from, to)
  local list, placed = {}, false
  for first, last in string.gmatch(calls, ' (%d+)%-(%d+)') do
    first, last = tonumber(first), tonumber(last)
    if first <= to + 1 and from <= last + 1 then
      from, to = math.min(from, first), math.max(to, last)
    else
      if to < first and not placed then
        list[#list + 1], placed = string.format(' %.0f-%.0f', from, to), true
      end
      list[#list + 1] = string.format(' %.0f-%.0f', first, last)
    end
  end
  if not placed then
    list[#list + 1] = string.format(' %.0f-%.0f', from, to)
  end
  return table.concat(list)
end

-- noteRun is that with one more call. Calls whose numbers follow one another count as one, so
-- that what is kept is enough for all that are under way at the same time. The first call says
-- that none before it has run: one that was sent in front of it may have been refused.
local function noteRun(done, from, to)
  if not done or done == '' then
    done = '0 0-0'
  end
  local newest = math.max(to, newestRun(done))
  local calls = string.match(done, ' .*') or ''
  local before, first, last = string.match(calls, '^(.*) (%d+)%-(%d+)$')
  if last and last + 1 == from then
    calls = before .. string.format(' %.0f-%.0f', first, to)
  elseif last and tonumber(last) >= from then
    calls = withRun(calls, from, to)
  else
    calls = calls .. string.format(' %.0f-%.0f', from, to)
  end
  if #calls > 700 then
    calls = string.match(string.sub(calls, -700), ' .*')
  end
  return string.format('%.0f', newest) .. calls
end
