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
