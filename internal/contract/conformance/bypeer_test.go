package conformance

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/contract/peer"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

// byPeer runs operations through a peer.
type byPeer struct {
	*world
	*peer.Peer
	py       bool
	opened   map[contract.Type]bool
	listener *peer.Listener
}

func newByPeer(w *world, do peer.Do, d peer.Dialect) *byPeer {
	return &byPeer{world: w, Peer: peer.New(do, peer.Config{Dialect: d}), py: d == peer.ThoonkPy, opened: map[contract.Type]bool{}}
}

// kinds are the types by the beginnings of operations.
var kinds = map[string]contract.Type{
	"feed": contract.TypeFeed, "sorted": contract.TypeSorted, "queue": contract.TypeQueue, "job": contract.TypeJob,
}

func (b *byPeer) do(s step) []string {
	if kind, _, ok := strings.Cut(s.op, "."); ok && !b.opened[kinds[kind]] { // using a name creates it
		b.opened[kinds[kind]] = true
		must(b.t, b.Open(b.name, kinds[kind], nil))
	}
	result, err := b.call(s)
	if err != nil {
		return b.failed(s.op, result, err)
	}
	return result
}

// failed is what the caller of an operation is told: thoonk.py says nothing where nothing was found.
func (b *byPeer) failed(op string, result []string, err error) []string {
	told := map[error]string{
		peer.ErrExists: "exists", peer.ErrNoSuchName: "no such name", peer.ErrWrongType: "wrong type", peer.ErrNotFound: "missing",
		peer.ErrNotClaimed: "not claimed", peer.ErrNotStalled: "not stalled", peer.ErrEmpty: "empty", peer.ErrBroken: "broken",
		peer.ErrInvalid: "invalid", errUnsupported: "unsupported",
	}
	for e, text := range told {
		if !errors.Is(err, e) {
			continue
		}
		silent := e == peer.ErrNotClaimed || e == peer.ErrNotFound && !strings.Contains(op, ".get")
		if b.py && silent {
			return result
		}
		return strings.Fields(text)
	}
	b.t.Fatalf("%s: %v", op, err)
	return nil
}

var errUnsupported = errors.New("unsupported")

func (b *byPeer) call(s step) ([]string, error) {
	a, x := s.args, b.name
	arg := func(i int) string {
		if i < len(a) {
			return a[i]
		}
		return ""
	}
	given := strings.TrimPrefix(arg(0), "-") // the id of a put or publish
	switch s.op {
	case "create":
		err := b.Open(x, contract.Type(a[0]), fields(a[1:]))
		b.opened[contract.Type(a[0])] = err == nil
		return nil, err
	case "create_feed":
		return nil, b.Create(x, contract.TypeFeed, fields(a))
	case "set_config":
		return nil, b.Configure(x, fields(a))
	case "delete":
		return nil, b.Delete(x, contract.Type(a[0]))
	case "delete_feed":
		return nil, b.DeleteAny(x)
	case "feed_exists":
		return one(b.Exists(a[0]))
	case "get_feeds":
		names, err := b.Names()
		return slices.DeleteFunc(names, func(n string) bool { return n != x }), err
	case "feed.publish":
		return one(b.Publish(x, given, a[1]))
	case "feed.retract":
		return nil, b.Retract(x, a[0])
	case "feed.get_ids":
		return listed(b.IDs(x))
	case "feed.get_item", "sorted.get_item", "job.get_item":
		return one(b.Item(x, a[0]))
	case "feed.get_all":
		return b.items(b.All(x))
	case "feed.has_id":
		if b.py {
			return nil, errUnsupported
		}
		_, err := b.Item(x, a[0])
		if errors.Is(err, peer.ErrNotFound) {
			return []string{"false"}, nil
		}
		return []string{"true"}, err
	case "sorted.append", "sorted.publish":
		return one(b.Insert(x, a[0], peer.Last))
	case "sorted.prepend":
		return one(b.Insert(x, a[0], peer.First))
	case "sorted.publish_before":
		return one(b.Insert(x, a[1], ":"+a[0]))
	case "sorted.publish_after":
		return one(b.Insert(x, a[1], a[0]+":"))
	case "sorted.edit":
		return nil, b.EditSorted(x, a[0], a[1])
	case "sorted.move":
		return nil, b.Move(x, a[0], a[1])
	case "sorted.retract":
		return nil, b.RetractSorted(x, a[0])
	case "sorted.get_ids":
		return listed(b.ListIDs(x))
	case "queue.get_ids":
		ids, err := b.ListIDs(x)
		if !b.py {
			slices.Reverse(ids)
		}
		return listed(ids, err)
	case "sorted.get_all":
		return b.items(b.AllSorted(x))
	case "queue.put":
		return one(b.Put(x, a[0], arg(1) == "high"))
	case "queue.get":
		it, err := b.Get(x, time.Second)
		return []string{it.Body}, err
	case "job.put":
		return one(b.PutJob(x, given, a[1], arg(2) == "high"))
	case "job.get":
		j, err := b.Claim(x, time.Second)
		if j.NoItem {
			j.Body = "missing"
		}
		return []string{j.ID, j.Body, strconv.Itoa(j.Failures)}, err
	case "job.finish":
		if len(a) == 2 {
			return nil, b.Finish(x, a[0], &a[1])
		}
		return nil, b.Finish(x, a[0], nil)
	case "job.cancel":
		return nil, b.Cancel(x, a[0])
	case "job.stall":
		return nil, b.Stall(x, a[0])
	case "job.retry":
		return nil, b.Retry(x, a[0])
	case "job.retract":
		return nil, b.RetractJob(x, a[0])
	case "job.failures":
		return one(b.Failures(x, a[0]))
	case "job.maintenance":
		return nil, b.Maintain(x)
	case "job.get_ids":
		ids, err := b.JobIDs(x)
		return listed(b.inOrder(ids), err)
	case "subscribe":
		l, err := b.Listen(x)
		b.listener = l
		return nil, err
	case "listener_alive":
		return one(b.listener.Alive(), nil)
	case "redis":
		return b.raws(a), nil
	}
	b.t.Fatalf("what is %s?", s.op)
	return nil, nil
}

// events are what thoonk.py's listener makes of the messages.
func (b *byPeer) events(messages []redistest.Message) (list [][]string) {
	if b.listener == nil {
		return nil
	}
	for _, m := range messages {
		h, ok := b.listener.Hear(m.Channel, m.Payload)
		switch {
		case ok && h.Kind == "retract":
			list = append(list, []string{h.Kind, h.ID})
		case ok:
			list = append(list, []string{h.Kind, h.ID, h.Rest})
		}
	}
	return list
}

// inOrder sorts ids by when they were first seen: a hash has no order.
func (w *world) inOrder(ids []string) []string {
	slices.SortFunc(ids, func(a, b string) int { return strings.Compare(w.placeholders(a), w.placeholders(b)) })
	return ids
}

func (b *byPeer) items(items []peer.Item, err error) ([]string, error) {
	var list []string
	for _, it := range items {
		list = append(list, it.ID+"="+it.Body)
	}
	if b.py {
		slices.Sort(list)
	}
	return listed(list, err)
}

// fields are of a configuration.
func fields(args []string) map[string]string {
	m := map[string]string{}
	for _, a := range args {
		k, v, _ := strings.Cut(a, "=")
		m[k] = v
	}
	return m
}

func one[T any](v T, err error) ([]string, error) {
	switch v := any(v).(type) {
	case string:
		return []string{v}, err
	case bool:
		return []string{strconv.FormatBool(v)}, err
	case int:
		return []string{strconv.Itoa(v)}, err
	}
	panic("neither a string, nor a bool, nor an int")
}

func listed(list []string, err error) ([]string, error) {
	if len(list) == 0 {
		list = []string{"none"}
	}
	return list, err
}
