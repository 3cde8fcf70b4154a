-- answersOf is what the numbered commands of an engine were told when they ran. The key
-- has which have run (see hasRun), and then the answers that were not 1, " number=answer"
-- each. Those of six batches are kept (wire.mostFlights), for more cannot be asked again.
local function answersOf(key)
  local ran, others = string.match(redis.call('GET', key) or '', '^([^|]*)|?(.*)$')
  local answers, last, oldest, newest = {}, newestRun(ran), nil, nil
  -- known is what a command was told; nil: it has not run.
  function answers.known(number)
    local n = tonumber(number)
    if n and n <= last and hasRun(ran, n) then
      return tonumber(string.match(others, number .. '=(-?%d)') or 1)
    end
  end
  function answers.add(number, answer)
    if number == '' then
      return
    end
    oldest, newest = oldest or tonumber(number), tonumber(number)
    if answer ~= 1 then
      others = others .. ' ' .. number .. '=' .. answer
    end
  end
  function answers.keep()
    if newest then
      redis.call('SET', key, noteRun(ran, oldest, newest) .. '|' .. string.sub(others, -1536 * 20), 'PX', 3600000)
    end
  end
  return answers
end
