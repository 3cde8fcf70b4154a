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
