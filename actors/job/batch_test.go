package job_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/internal/redistest"
	"github.com/thoonk-go/thoonk/pool"
)

// One claim for many workers gives each job once, and leaves out those that are in another state as well.
func TestClaimOfManyWithJunk(t *testing.T) {
	t.Parallel()
	for name, junk := range map[string]struct {
		seed string
		want []string
	}{
		"queued twice":                 {"RPUSH feed.ids:X b a", []string{"a", "b", "c"}},
		"stalled":                      {"SADD feed.stalled:X b", []string{"a", "c"}},
		"delayed":                      {"ZADD feed.delayed:X 99999999999999 b", []string{"a", "c"}},
		"claimed":                      {"ZADD feed.claimed:X 99999999999999 b", []string{"a", "c"}},
		"no item":                      {"HDEL feed.items:X b", []string{"a", "c"}},
		"failures, which are no state": {"HSET feed.cancelled:X b 2", []string{"a", "b", "c"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, job.Config{MaxFailures: 100}).unattended()
			b.available("a", "b", "c")
			b.seed(junk.seed)
			ran, end := make(chan *job.Claim, 10), make(chan struct{})
			b.handle(func(_ context.Context, c *job.Claim) ([]byte, error) {
				ran <- c
				<-end
				return nil, nil
			}, pool.Options{Workers: 16})
			var ids []string
			for range junk.want {
				c := within(t, ran, "a job")
				ids = append(ids, c.ID)
				assert.Equal(t, c.ID, string(c.Body))
				failures := 0
				if name == "failures, which are no state" && c.ID == "b" {
					failures = 2
				}
				assert.Equal(t, failures, c.Failures)
			}
			close(end)
			slices.Sort(ids)
			assert.Equal(t, junk.want, ids)
			redistest.Eventually(t, func() bool { return b.counts().Finished == int64(len(junk.want)) }, "they finish")
			waits(t, b)
			assert.Empty(t, ran, "and run once")
		})
	}
}

// Jobs of one claim have each its own date, as far as they have any.
func TestDatesOfAClaim(t *testing.T) {
	t.Parallel()
	b := newBench(t, job.Config{}).unattended()
	b.available("a", "b", "c", "d", "e")
	b.seed("ZADD feed.published:X 1700000000 a 1700000000000 b 1700000001000 c 1700000001000 d", "ZREM feed.published:X e")
	ran := make(chan *job.Claim, 5)
	b.handle(func(_ context.Context, c *job.Claim) ([]byte, error) {
		ran <- c
		return nil, nil
	}, pool.Options{Workers: 16})
	put := map[string]time.Time{}
	for range 5 {
		c := within(t, ran, "a job")
		put[c.ID] = c.Put
		if c.ID == "e" {
			assert.Equal(t, c.Claimed, c.Put)
		}
	}
	delete(put, "e")
	first, later := time.UnixMilli(1700000000000), time.UnixMilli(1700000001000)
	assert.Equal(t, map[string]time.Time{"a": first, "b": first, "c": later, "d": later}, put)
}

// Finishes of one claim that go together end it once.
func TestFinishedTwiceAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t, job.Config{}).unattended()
	const jobs, each = 32, 4
	for i := range jobs {
		b.available(fmt.Sprint(i))
	}
	var mu sync.Mutex
	ended := map[string]int{}
	var wg sync.WaitGroup
	for range jobs {
		c := b.claim()
		for range each {
			wg.Go(func() {
				err := c.Finish(t.Context(), nil)
				if err == nil {
					mu.Lock()
					ended[c.ID]++
					mu.Unlock()
				} else {
					assert.ErrorIs(t, err, job.ErrNotOwner)
				}
			})
		}
	}
	wg.Wait()
	for id, n := range ended {
		assert.Equal(t, 1, n, "job %s", id)
	}
	assert.Len(t, ended, jobs)
	assert.Equal(t, job.Counts{Finished: jobs}, b.counts())
}

// A job that finishes leaves nothing behind, whatever there was of it: a former error, a progress, failures.
func TestFinishedLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"errors", "progress", "cancelled"} {
		b := newBench(t, job.Config{}).unattended()
		b.available("a", "b")
		c, other := b.claim(), b.claim()
		b.seed("HSET feed."+key+":X "+c.ID+" 1 "+other.ID+" 1", "HSET feed."+key+":X stranger 1")
		require.NoError(t, c.Finish(t.Context(), nil))
		require.NoError(t, other.Finish(t.Context(), nil))
		want := []string{key + ": stranger=1", "finishes: 2"}
		slices.Sort(want)
		assert.Equal(t, strings.Join(want, "\n"), b.state())
	}
}

// An id that was generated a moment ago is taken, also for a job in the same batch.
func TestGeneratedIDIsTaken(t *testing.T) {
	t.Parallel()
	b := newBench(t, job.Config{}).unattended()
	a := b.Async(job.AsyncOptions{})
	for range 100 {
		id, err := a.Put(t.Context(), []byte("first"), nil)
		require.NoError(t, err)
		var second error
		_, err = a.Put(t.Context(), []byte("second"), func(_ string, err error) { second = err }, job.PutOptions{ID: id})
		require.NoError(t, err)
		require.ErrorIs(t, a.Flush(t.Context()), job.ErrExists)
		require.ErrorIs(t, second, job.ErrExists)
		require.Equal(t, "first", b.peer.Do("HGET", "feed.items:"+b.name, id))
	}
	assert.Equal(t, job.Counts{Available: 100, Jobs: 100, Put: 100}, b.counts())
}

// A peer's job may have any id, also an empty one. It finishes with its result and leaves the others theirs.
func TestResultOfAnEmptyID(t *testing.T) {
	t.Parallel()
	for _, others := range [][]string{nil, {"a", "b", "c"}} {
		b := newBench(t, job.Config{}).unattended()
		b.peer.Do("LPUSH", "feed.ids:"+b.name, "")
		b.peer.Do("HSET", "feed.items:"+b.name, "", "body")
		b.available(others...)
		var together sync.WaitGroup
		together.Add(1 + len(others))
		b.handle(func(_ context.Context, c *job.Claim) ([]byte, error) {
			together.Done()
			together.Wait()
			return []byte("of <" + c.ID + ">"), nil
		}, pool.Options{Workers: 16})
		redistest.Eventually(t, func() bool { return b.stats().FinishedHere == uint64(1+len(others)) }, "they finish")
		for _, id := range append(others, "") {
			assert.Equal(t, "of <"+id+">", b.peer.Do("GET", "feed.result:"+b.name+":"+id))
		}
		assert.Equal(t, job.Counts{Finished: int64(1 + len(others))}, b.counts())
	}
}

// What claim.lua has in the keys for a moment is no job's id.
func TestClaimOfALongID(t *testing.T) {
	t.Parallel()
	b := newBench(t, job.Config{}).unattended()
	ids := append(strings.Fields("a b c d e f g h i j"), strings.Repeat("-", 65))
	b.available(ids...)
	b.handle(func(context.Context, *job.Claim) ([]byte, error) { return nil, nil }, pool.Options{Workers: 64})
	redistest.Eventually(t, func() bool { return b.stats().FinishedHere == uint64(len(ids)) }, "they finish")
	assert.Equal(t, job.Counts{Finished: int64(len(ids))}, b.counts())
}

// A call that is repeated tells of a job that it has twice: the second may have been finished by the first try.
func TestRepeatedFinishOfOneJobTwice(t *testing.T) {
	t.Parallel()
	b := newBench(t, job.Config{}).unattended()
	finish := job.FinishScript
	for repeat, want := range map[string][]any{"0": {int64(1), int64(0)}, "1": {int64(1), int64(2)}} {
		b.available("a")
		c := b.claim()
		token := b.peer.String("HGET", "feed.claimants:"+b.name, c.ID)
		args := []any{"EVAL", finish.Source(), len(finish.Keys)}
		for _, k := range finish.Keys {
			args = append(args, k.Of(b.name))
		}
		args = append(args, repeat, "f", "e", "a", token, "", "a", token, "")
		assert.Equal(t, want, b.peer.Do(args...))
	}
}
