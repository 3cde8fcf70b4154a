package sorted

import "container/list"

// A mirror is a copy of the beginning of the list, kept up to date by what its
// messages tell: if it is the first n ids before a change, it is the first m ids
// after it. For each change says beside which id it happens: beside one of the
// mirror, or in the part that the mirror does not have.
type mirror struct {
	list *list.List // of *entry
	at   map[string]*list.Element

	// Bodies of ids that were not in the mirror when they were told: they may be
	// moved into it.
	bodies map[string][]byte
}

type entry struct {
	id    string
	body  []byte
	known bool // the body; nil: there is no item
}

func newMirror() *mirror {
	return &mirror{list: list.New(), at: make(map[string]*list.Element), bodies: make(map[string][]byte)}
}

// apply takes what one message tells.
func (m *mirror) apply(e Event) {
	switch e.Kind {
	case Published, Edited:
		if el := m.at[e.ID]; el != nil {
			el.Value.(*entry).set(e.Body)
		} else {
			m.bodies[e.ID] = e.Body
		}
	case Moved:
		m.move(e.ID, e.Position)
	case Retracted:
		m.remove(e.ID)
		delete(m.bodies, e.ID)
	case Deleted:
		*m = *newMirror()
	}
}

func (e *entry) set(body []byte) { e.body, e.known = body, true }

func (m *mirror) move(id string, to Position) {
	it := m.remove(id)
	if it == nil {
		it = &entry{id: id}
		if body, ok := m.bodies[id]; ok {
			it.set(body)
		}
	}
	rel := m.at[to.rel]
	switch {
	case to == First:
		m.at[id] = m.list.PushFront(it)
	case to.where == before && rel != nil:
		m.at[id] = m.list.InsertBefore(it, rel)
	case to.where == after && rel != nil:
		m.at[id] = m.list.InsertAfter(it, rel)
	default: // it is behind the mirror now
		if it.known {
			m.bodies[id] = it.body
		}
		return
	}
	delete(m.bodies, id)
}

// remove takes an id out of the mirror; nil if it is not there.
func (m *mirror) remove(id string) *entry {
	el := m.at[id]
	if el == nil {
		return nil
	}
	delete(m.at, id)
	return m.list.Remove(el).(*entry)
}

// extend takes a part of the list that begins at an index. False: the part does
// not fit to what the mirror has.
func (m *mirror) extend(index int, rows []Item) bool {
	known := m.list.Len() - index // rows that the mirror has
	if known < 0 {
		return true // it is too far on, by now: ask again
	}
	el := m.list.Back()
	for range known - len(rows) {
		el = el.Prev()
	}
	for i := min(known, len(rows)) - 1; i >= 0; i-- {
		if el.Value.(*entry).id != rows[i].ID {
			return false
		}
		el = el.Prev()
	}
	for _, row := range rows[min(known, len(rows)):] {
		it := &entry{id: row.ID}
		it.set(row.Body)
		el := m.list.PushBack(it)
		if m.at[row.ID] == nil {
			m.at[row.ID] = el
		} else {
			it.body = nil // a second time in the list: told once
		}
		delete(m.bodies, row.ID)
	}
	return true
}

// unknown returns up to n ids whose bodies are not known.
func (m *mirror) unknown(n int) []string {
	var ids []string
	for el := m.list.Front(); el != nil && len(ids) < n; el = el.Next() {
		if it := el.Value.(*entry); !it.known {
			ids = append(ids, it.id)
		}
	}
	return ids
}

// learn takes items that were read by their ids.
func (m *mirror) learn(items []Item) {
	for _, it := range items {
		if el := m.at[it.ID]; el != nil {
			el.Value.(*entry).set(it.Body)
		}
	}
}

// items returns what the mirror has, in order.
func (m *mirror) items() []Item {
	items := make([]Item, 0, m.list.Len())
	for el := m.list.Front(); el != nil; el = el.Next() {
		it := el.Value.(*entry)
		items = append(items, Item{ID: it.id, Body: it.body})
	}
	return items
}
