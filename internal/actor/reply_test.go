package actor_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/thoonk-go/thoonk/internal/actor"
)

// Every order of what an owner and a caller can do. The caller leaves at one place,
// by its context or because the owner has ended; the owner begins, takes that back,
// and answers.
func TestReplyInterleavings(t *testing.T) {
	t.Parallel()
	owners := [][]string{
		{}, {"resolve"}, {"begin"}, {"begin", "resolve"}, {"begin", "unbegin"}, {"begin", "unbegin", "resolve"},
		{"begin", "unbegin", "begin", "resolve"}, {"begin", "resolve", "resolve"},
	}
	for _, steps := range owners {
		for at := range len(steps) + 1 {
			for _, how := range []string{"context", "end"} {
				order := slices.Insert(slices.Clone(steps), at, "leave by "+how)
				t.Run(strings.Join(order, ","), func(t *testing.T) {
					t.Parallel()
					var r actor.Reply[int]
					r.Init()
					running, answered, left := false, false, false
					failure := errors.New("failure")
					for _, step := range order {
						switch step {
						case "begin":
							assert.Equal(t, !left, r.Begin())
							running = true
						case "unbegin":
							assert.Equal(t, !left, r.Unbegin())
							running = false
						case "resolve":
							assert.Equal(t, !left && !answered, r.Resolve(7, failure))
							answered = true
						default:
							ctx, cancel := context.WithCancel(context.Background())
							done := make(chan struct{})
							if how == "end" {
								close(done)
							} else {
								cancel()
							}
							v, err := r.Wait(ctx, done)
							cancel()
							if answered {
								assert.Equal(t, 7, v)
								assert.Equal(t, failure, err)
								continue
							}
							left = true
							assert.Zero(t, v)
							assert.Equal(t, !running, errors.Is(err, actor.ErrNotSent), "%v", err)
							assert.Equal(t, running, errors.Is(err, actor.ErrOutcomeUnknown), "%v", err)
							assert.Equal(t, how == "context", errors.Is(err, context.Canceled), "%v", err)
						}
						assert.Equal(t, left, r.Left())
					}
				})
			}
		}
	}
}

// The race of an answer and a caller who leaves has exactly one winner.
func TestReplyRace(t *testing.T) {
	t.Parallel()
	for i := range 5000 {
		var r actor.Reply[int]
		r.Init()
		ctx, cancel := context.WithCancel(context.Background())
		served := make(chan bool, 1)
		go func() {
			if i%2 == 0 && !r.Begin() {
				served <- false
				return
			}
			served <- r.Resolve(i, nil)
		}()
		go cancel()
		v, err := r.Wait(ctx, nil)
		if <-served {
			if v != i || err != nil {
				t.Fatalf("the owner served it, the caller got %d, %v", v, err)
			}
		} else if err == nil || v != 0 {
			t.Fatalf("the owner kept it, the caller got %d, %v", v, err)
		}
	}
}
