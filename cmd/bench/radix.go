package main

import (
	"context"
	"fmt"

	"github.com/mediocregopher/radix/v4"

	"github.com/thoonk-go/thoonk/internal/wire"
)

// A doer is a radix.Client, or a radix.MultiClient.
type doer interface {
	Do(ctx context.Context, a radix.Action) error
}

// A radixScript calls a script for one name the way one would with radix alone: an EvalScript per call, with whatever
// groups the caller has.
type radixScript struct {
	client     doer
	eval       radix.EvalScript
	script     *wire.Script
	name       string
	keys, head []string
}

func newRadixScript(client doer, s *wire.Script, name string) *radixScript {
	r := &radixScript{client: client, eval: radix.NewEvalScript(s.Source()), script: s, name: name}
	r.head = append(r.head, "0") // not a repeat
	for _, c := range s.Channels {
		r.head = append(r.head, c.Of(name))
	}
	return r.as("0") // as AppendCall names itself
}

// as is the same for an engine of that name. A script with keys of its engine knows the engine's calls by their numbers,
// which have to arrive in order: each caller needs to be one.
func (r *radixScript) as(engine string) *radixScript {
	c := *r
	c.keys = nil
	for _, k := range r.script.Keys {
		c.keys = append(c.keys, k.Of(r.name))
	}
	for _, k := range r.script.Own {
		c.keys = append(c.keys, k.Of(r.name)+":"+engine)
	}
	return &c
}

// args is the beginning of a call's arguments, with room for n more.
func (r *radixScript) args(n int) []string {
	return append(make([]string, 0, len(r.head)+n), r.head...)
}

// do makes a call; its answer, one element per group, goes into the slice that into points to.
func (r *radixScript) do(ctx context.Context, into any, args []string) error {
	return r.client.Do(ctx, r.eval.Cmd(into, r.keys, args...))
}

// statuses makes a call that answers numbers, and checks their sum.
func (r *radixScript) statuses(ctx context.Context, args []string, want int64) error {
	var list []int64
	if err := r.do(ctx, &list, args); err != nil {
		return err
	}
	sum := int64(0)
	for _, n := range list {
		sum += n
	}
	return same("the sum of the statuses", sum, want)
}

// one makes a call of one group that answers a text, an id. A status instead is an error.
func (r *radixScript) one(ctx context.Context, group ...string) (string, error) {
	var list []any
	if err := r.do(ctx, &list, append(r.args(len(group)), group...)); err != nil {
		return "", err
	}
	if len(list) == 1 {
		if id, ok := list[0].([]byte); ok {
			return string(id), nil
		}
	}
	return "", fmt.Errorf("WRONG RESULT: script %s answers %v", r.script.Name, list)
}
