package audit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/thoonk-go/thoonk/internal/chaos/ledger"
)

// Lists audits sorted feeds, each of which has had one writer, that left it when an outcome was not known: the model of what
// was acknowledged is what is there, with or without the last call. gone are those that were deleted since.
func Lists(v *Verdict, h *ledger.History, prefix string, there map[string][]Item, gone map[string]bool) {
	calls := map[string][]*ledger.Call{}
	for _, c := range h.Calls {
		if strings.HasPrefix(c.Name, prefix+".") {
			calls[c.Name] = append(calls[c.Name], c)
		}
	}
	for name, list := range calls {
		m := &model{}
		deleted := gone[name]
		if last := list[len(list)-1]; last.Do == "delete" {
			deleted, list = true, list[:len(list)-1]
		}
		for i, c := range list {
			outcome := c.Outcome
			if !c.Ended() {
				outcome = ledger.Unknown
			}
			switch outcome {
			case ledger.OK:
				before := m.String()
				v.Check(m.apply(c, c.IDs[0]), "list: what the model allows is what happens", "%v on %s", c, before)
			case "not found":
				v.Check(!m.clone().apply(c, first(c.IDs)), "list: what is there is found", "%v on %v", c, m)
			case ledger.Unknown:
				v.Check(i == len(list)-1, "list: nothing is done after an unknown outcome", "%v", c)
			}
		}
		if deleted {
			continue
		}
		items := there[name]
		ok := m.equal(items)
		if last := list[len(list)-1]; !ok && (!last.Ended() || last.Outcome == ledger.Unknown) {
			id := first(last.IDs)
			if last.Do == "insert" { // under the next number
				for _, it := range items {
					if it.Body == last.Bodies[0] {
						id = it.ID
					}
				}
			}
			ok = m.apply(last, id) && m.equal(items)
		}
		v.Check(ok, "list: it is as the model", "%s is %v, the model %v", name, items, m)
	}
	v.Remark("lists", len(calls))
}

func first(ids []string) string {
	if len(ids) == 0 {
		return ""
	}
	return ids[0]
}

// model is a sorted feed.
type model struct{ items []Item }

func (m *model) clone() *model        { return &model{slices.Clone(m.items)} }
func (m *model) String() string       { return fmt.Sprint(m.items) }
func (m *model) equal(it []Item) bool { return slices.Equal(m.items, it) }
func (m *model) index(id string) int {
	return slices.IndexFunc(m.items, func(it Item) bool { return it.ID == id })
}

// apply does what a call does; false: it cannot be done.
func (m *model) apply(c *ledger.Call, id string) bool {
	switch c.Do {
	case "insert":
		return m.index(id) < 0 && m.insert(Item{id, c.Bodies[0]}, c.Tokens[0])
	case "edit":
		i := m.index(id)
		if i >= 0 {
			m.items[i].Body = c.Bodies[0]
		}
		return i >= 0
	case "move":
		return m.move(id, c.Tokens[0])
	case "retract":
		i := m.index(id)
		if i >= 0 {
			m.items = slices.Delete(m.items, i, i+1)
		}
		return i >= 0
	}
	return false
}

func (m *model) insert(it Item, at string) bool {
	where, rel, _ := strings.Cut(at, " ")
	i := m.index(rel)
	switch where {
	case "first":
		i = 0
	case "last":
		i = len(m.items)
	case "after":
		if i < 0 {
			return false
		}
		i++
	}
	if i < 0 {
		return false
	}
	m.items = slices.Insert(m.items, i, it)
	return true
}

func (m *model) move(id, at string) bool {
	i := m.index(id)
	_, rel, _ := strings.Cut(at, " ")
	if i < 0 || rel != "" && m.index(rel) < 0 {
		return false
	}
	if rel == id { // beside itself
		return true
	}
	it := m.items[i]
	m.items = slices.Delete(m.items, i, i+1)
	return m.insert(it, at)
}
