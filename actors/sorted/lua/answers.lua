-- answers are what the numbered commands of an engine were told when they ran. The key
-- has the last number, then the answers that were not 1: " number=answer" each. Those of
-- two batches are kept, for more cannot be asked again.
local function answersOf(key)
  local stored = redis.call('GET', key) or ''
  local answers = {last = string.sub(stored, 1, 16), others = string.sub(stored, 17)}
  -- known is what a command was told; nil: it has not run.
  function answers.known(number)
    if number ~= '' and number <= answers.last then
      return tonumber(string.match(answers.others, number .. '=(-?%d)') or 1)
    end
  end
  function answers.add(number, answer)
    if number ~= '' then
      answers.last = number
      if answer ~= 1 then
        answers.others = answers.others .. ' ' .. number .. '=' .. answer
      end
    end
  end
  function answers.keep()
    if answers.last ~= '' then
      redis.call('SET', key, answers.last .. string.sub(answers.others, -512 * 20), 'PX', 3600000)
    end
  end
  return answers
end
