package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/mediocregopher/radix/v4"

	"github.com/thoonk-go/thoonk/actors/sorted"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
)

func init() {
	register(Scenario{
		Name: "sorted/mixed",
		Doc:  "many callers append, insert, move, edit and retract at random in one sorted feed of some 1,000 items",
		Systems: map[string]System{
			report.Thoonk: mixedThoonk,
			report.Radix:  mixedRadix,
		},
	})
}

// sortedLength is how many items there are, more or less.
const sortedLength = 1000

// An editor is one caller. It touches only items that it has added, so that it knows what must become of them.
type editor struct {
	list   sortedList
	random *rand.Rand
	ids    []string
	bodies map[string]int // payload of each
	most   int
	_      [32]byte // a whole cache line: each has its own goroutine
}

// A sortedList is what an editor works on.
type sortedList interface {
	insert(ctx context.Context, body int, where, rel string) (id string, err error)
	edit(ctx context.Context, id string, body int) error
	move(ctx context.Context, id, where, rel string) error
	retract(ctx context.Context, id string) error
}

func newEditors(e *Env, list sortedList) []editor {
	all := make([]editor, e.callers)
	for i := range all {
		all[i] = editor{
			list: list, random: rand.New(rand.NewPCG(5, uint64(i))), bodies: make(map[string]int),
			most: max(2, sortedLength/e.callers),
		}
	}
	return all
}

// fill adds what each has in the beginning.
func fillEditors(ctx context.Context, all []editor) error {
	return forAll(len(all), len(all), func(i int) error {
		for range all[i].most {
			if err := all[i].add(ctx, i, "last", ""); err != nil {
				return err
			}
		}
		return nil
	})
}

func (d *editor) add(ctx context.Context, body int, where, rel string) error {
	id, err := d.list.insert(ctx, body, where, rel)
	if err == nil {
		d.ids = append(d.ids, id)
		d.bodies[id] = body
	}
	return err
}

// call does one thing at random. Half of the calls add or retract, so that the list keeps its length.
func (d *editor) call(ctx context.Context, body int) error {
	at := d.random.IntN(len(d.ids))
	id, rel := d.ids[at], d.ids[d.random.IntN(len(d.ids))]
	where := []string{"before", "after"}[d.random.IntN(2)]
	switch what := d.random.IntN(4); {
	case what == 0:
		d.bodies[id] = body
		return d.list.edit(ctx, id, body)
	case what == 1:
		return d.list.move(ctx, id, where, rel)
	case len(d.ids) > d.most:
		d.ids = slices.Delete(d.ids, at, at+1)
		delete(d.bodies, id)
		return d.list.retract(ctx, id)
	case what == 2:
		return d.add(ctx, body, "last", "")
	default:
		return d.add(ctx, body, where, rel)
	}
}

// mixed lets the editors work, and compares what they know with what is there.
func mixed(ctx context.Context, e *Env, control *sorted.Sorted, list sortedList) (Result, error) {
	all := newEditors(e, list)
	if err := fillEditors(ctx, all); err != nil {
		return Result{}, err
	}
	r, err := e.Measure(ctx, 1, func(ctx context.Context, caller, n int) error {
		return all[caller].call(ctx, spread(caller, n))
	})
	if err != nil {
		return r, err
	}
	want := make(map[string]string)
	for i := range all {
		for id, body := range all[i].bodies {
			want[id] = e.payloads.textAt(body)
		}
	}
	r.Set("items", float64(len(want)))
	if err := checkSorted(ctx, e, control, int64(len(want))); err != nil {
		return r, err
	}
	for it, err := range control.All(context.WithoutCancel(ctx)) {
		if err != nil {
			return r, err
		}
		if body, ok := want[it.ID]; !ok || body != string(it.Body) {
			return r, fmt.Errorf("%w: %s in %s", errWrongItem, it.ID, control.Name())
		}
		delete(want, it.ID)
	}
	return r, same("the number of items that are missing", int64(len(want)), 0)
}

func mixedThoonk(ctx context.Context, e *Env) (Result, error) {
	control, s, err := thoonkSorted(ctx, e)
	if err != nil {
		return Result{}, err
	}
	return mixed(ctx, e, control, thoonkList{s, e.payloads})
}

type thoonkList struct {
	*sorted.Sorted
	payloads *payloads
}

func position(where, rel string) sorted.Position {
	switch where {
	case "before":
		return sorted.Before(rel)
	case "after":
		return sorted.After(rel)
	}
	return sorted.Last
}

func (l thoonkList) insert(ctx context.Context, body int, where, rel string) (string, error) {
	return l.Insert(ctx, l.payloads.at(body), position(where, rel))
}

func (l thoonkList) edit(ctx context.Context, id string, body int) error {
	return l.Edit(ctx, id, l.payloads.at(body))
}

func (l thoonkList) move(ctx context.Context, id, where, rel string) error {
	return l.Move(ctx, id, position(where, rel))
}

func (l thoonkList) retract(ctx context.Context, id string) error { return l.Retract(ctx, id) }

func mixedRadix(ctx context.Context, e *Env) (Result, error) {
	s, err := newSorted(ctx, e)
	if err != nil {
		return Result{}, err
	}
	client, err := e.Radix(ctx)
	if err != nil {
		return Result{}, err
	}
	return mixed(ctx, e, s, newRadixList(client, s.Name(), e.payloads))
}

// A radixList calls the same scripts, one call each.
type radixList struct {
	inserts, edits, moves, retracts *radixScript
	payloads                        *payloads
}

func newRadixList(client radix.Client, name string, p *payloads) radixList {
	verb := func(verb string) *radixScript { return newRadixScript(client, sortedScript(verb), name) }
	return radixList{verb("insert"), verb("edit"), verb("move"), verb("retract"), p}
}

func (l radixList) insert(ctx context.Context, body int, where, rel string) (string, error) {
	return l.inserts.one(ctx, where, rel, l.payloads.textAt(body))
}

func (l radixList) edit(ctx context.Context, id string, body int) error {
	return l.edits.statuses(ctx, append(l.edits.args(3), "", id, l.payloads.textAt(body)), 1)
}

func (l radixList) move(ctx context.Context, id, where, rel string) error {
	return l.moves.statuses(ctx, append(l.moves.args(4), "", id, where, rel), 1)
}

func (l radixList) retract(ctx context.Context, id string) error {
	return l.retracts.statuses(ctx, append(l.retracts.args(1), id), 1)
}
