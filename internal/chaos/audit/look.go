package audit

import (
	"strconv"

	"github.com/thoonk-go/thoonk/internal/contract"
)

// look counts, in one step: jobs, jobs in several states, ids that are queued twice, jobs in no state, ids in a state that
// are no jobs; and gives an example.
const look = `
local places, twice = {}, 0
local function add(list)
  for _, id in ipairs(list) do places[id] = (places[id] or 0) + 1 end
end
local line = redis.call('LRANGE', KEYS[1], 0, -1)
add(line)
add(redis.call('ZRANGE', KEYS[3], 0, -1))
add(redis.call('SMEMBERS', KEYS[4]))
add(redis.call('ZRANGE', KEYS[5], 0, -1))
local seen = {}
for _, id in ipairs(line) do
  if seen[id] then twice = twice + 1 end
  seen[id] = true
end
local several, none, total, example = 0, 0, 0, ''
for _, id in ipairs(redis.call('HKEYS', KEYS[2])) do
  total = total + 1
  if not places[id] then none = none + 1
  elseif places[id] > 1 then several = several + 1 example = id end
  places[id] = nil
end
local orphans = 0
for id in pairs(places) do orphans = orphans + 1 example = id end
return {total, several, twice, none, orphans, example}`

// LookCommand is the command that looks at all jobs of a set.
func LookCommand(name string) []string {
	cmd := []string{"EVAL", look, strconv.Itoa(5)}
	for _, k := range []contract.Key{contract.IDs, contract.Items, contract.Claimed, contract.Stalled, contract.Delayed} {
		cmd = append(cmd, k.Of(name))
	}
	return cmd
}

// Look audits what the look saw: each job is in one state. An id that was popped and is on its way to its actor is in none.
func Look(v *Verdict, reply any) (jobs int64, ok bool) {
	r, _ := reply.([]any)
	if len(r) != 6 {
		return 0, false
	}
	v.Check(r[1] == int64(0) && r[2] == int64(0) && r[4] == int64(0), "job: each is in one state",
		"of %v jobs %v are in several states, %v are queued twice; %v ids have no job: %s", r[0], r[1], r[2], r[4], r[5])
	return r[0].(int64), true
}
