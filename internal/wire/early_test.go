package wire_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/mediocregopher/radix/v4"
	"github.com/mediocregopher/radix/v4/resp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// A call that was early is sent again, and is no reason to look for another node.
func TestEarly(t *testing.T) {
	t.Parallel()
	lane, redis := fake(replies("-EARLY the call in front of it has not run\r\n"), echo)
	turned := 0
	lane.Turned = func(error) { turned++ }
	o := newOutbox("n", lane, time.Minute)
	c := noting(note, "a")
	c.Ordered = true
	o.Add(c)
	pump(t, o)
	got, err := answer(t, c)
	require.NoError(t, err)
	assert.Equal(t, "a", got)
	assert.Zero(t, turned)
	for _, request := range redis.requests {
		how := commands(request)[0][4]
		fields := strings.Fields(how)
		require.Len(t, fields, 3, how)
		assert.Equal(t, "0", fields[1], "nothing is under way in front of it")
		assert.NotEqual(t, "0", fields[2])
	}
}

// inOrder is a server that runs ordered, numbered calls as the scripts do.
type inOrder struct {
	numbers map[int]bool
	words   []string
}

func (s *inOrder) run(request string) (string, error) {
	var reply strings.Builder
	for _, args := range commands(request) {
		if how := strings.Fields(args[4]); len(how) == 3 {
			if after, _ := strconv.Atoi(how[1]); after != 0 && !s.numbers[after] {
				reply.WriteString("-EARLY the call in front of it has not run\r\n")
				continue
			}
		}
		reply.WriteString("*" + strconv.Itoa((len(args)-5)/2) + "\r\n")
		for i := 5; i < len(args); i += 2 {
			if n, _ := strconv.Atoi(args[i]); !s.numbers[n] {
				s.numbers[n] = true
				s.words = append(s.words, args[i+1])
			}
			reply.WriteString(bulk(args[i+1]))
		}
	}
	return reply.String(), nil
}

func orderedScript(verb string) *wire.Script {
	files := fstest.MapFS{"lua/" + verb + ".lua": {Data: []byte("return {} -- " + verb)}}
	return wire.MustScript(files, wire.Script{Name: "test/" + verb, Group: 2, Keys: []contract.Key{contract.IDs}})
}

// ordered is a call of two callers: a lone one waits for its answer.
func ordered(s *wire.Script, word string) call {
	c := wire.NewCall(s, 1, wire.NewArgs(2, len(word)).Number().String(word), func(r wire.Reader, groups int) (string, error) {
		word, _, err := r.String()
		return word, err
	})
	c.Ordered, c.Numbered, c.Repeatable, c.Callers = true, true, true, 2
	return c
}

// behind sends c behind the batch that is under way.
func behind(t *testing.T, o *wire.Outbox, c call) {
	t.Helper()
	o.Add(c)
	for deadline := time.Now().Add(20 * time.Second); !o.Another() || !o.Distant(); runtime.Gosched() {
		require.True(t, time.Now().Before(deadline), "the first is not written")
	}
	require.False(t, o.Flush())
}

// Of two batches that are under way the first does not run, and of the second nothing is heard: it was early, and is sent
// again behind the first.
func TestOrderOfLostBatches(t *testing.T) {
	t.Parallel()
	for name, first := range map[string][]exchange{
		"refused":                              {replies("-NOREPLICAS too few\r\n")},
		"the script is not known":              {replies("-NOSCRIPT what\r\n"), nil},
		"the script is not known, text lost":   {replies("-NOSCRIPT what\r\n"), lost},
		"the script is not known, refused":     {replies("-NOSCRIPT what\r\n"), replies("-READONLY now\r\n")},
		"lost before it got there":             {lost},
		"lost, and what is sent again as well": {lost, lost},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &inOrder{numbers: map[int]bool{}}
			lane, redis := fake(s.run)
			o := newOutbox("n", lane, time.Minute)
			script := orderedScript("put")
			known := ordered(script, "known")
			o.Add(known)
			pump(t, o)
			second := make(chan struct{})
			redis.exchanges = []exchange{
				func(request string) (string, error) { <-second; return first[0](request) },
				func(request string) (string, error) {
					defer close(second)
					_, _ = s.run(request)
					return lost(request)
				},
			}
			for _, e := range first[1:] {
				if e == nil {
					e = s.run
				}
				redis.exchanges = append(redis.exchanges, e)
			}
			redis.exchanges = append(redis.exchanges, s.run)
			a, b := ordered(script, "a"), ordered(script, "b")
			o.Add(a)
			require.False(t, o.Flush())
			behind(t, o, b)
			pump(t, o)
			for word, c := range map[string]call{"known": known, "a": a, "b": b} {
				got, err := answer(t, c)
				require.NoError(t, err)
				assert.Equal(t, word, got)
			}
			assert.Equal(t, []string{"known", "a", "b"}, s.words)
		})
	}
}

// breaking is a connection whose write fails in the middle of a batch; until it is closed, as with radix, what is behind
// that is marshalled, too, and fails at once.
type breaking struct {
	inOrder
	mu    sync.Mutex
	left  int // bytes; negative: no limit
	fails int
	both  chan struct{} // closed when two batches have failed
}

func (f *breaking) Addr() net.Addr                               { return &net.UnixAddr{} }
func (f *breaking) Close() error                                 { return nil }
func (f *breaking) Do(ctx context.Context, a radix.Action) error { return a.Perform(ctx, f) }

func (f *breaking) Write(p []byte) (int, error) {
	if f.left < 0 {
		return len(p), nil
	}
	if f.left -= len(p); f.left < 0 {
		f.left = 0
		return 0, errors.New("broken pipe")
	}
	return len(p), nil
}

func (f *breaking) EncodeDecode(_ context.Context, m, u any) error {
	f.mu.Lock()
	var b bytes.Buffer
	if err := m.(resp.Marshaler).MarshalRESP(io.MultiWriter(f, &b), resp.NewOpts()); err != nil {
		if f.fails++; f.fails == 2 {
			f.left = -1 // a new connection from here on
			close(f.both)
		}
		f.mu.Unlock()
		<-f.both
		return err
	}
	reply, err := f.run(b.String())
	f.mu.Unlock()
	if err != nil {
		return err
	}
	return u.(resp.Unmarshaler).UnmarshalRESP(bufio.NewReader(strings.NewReader(reply)), resp.NewOpts())
}

// A batch of two calls is written in part: the second of them is not, and neither is the batch behind it, though of that
// nobody knows.
func TestOrderOfWhatIsWrittenInPart(t *testing.T) {
	t.Parallel()
	one, two := orderedScript("one"), orderedScript("two")
	f := &breaking{inOrder: inOrder{numbers: map[int]bool{}}, left: -1, both: make(chan struct{})}
	o := newOutbox("n", &wire.Lane{Client: f, Timeout: 5 * time.Second}, time.Minute)
	o.Add(ordered(one, "1"))
	o.Add(ordered(two, "2"))
	pump(t, o)
	f.mu.Lock()
	f.left = 20
	f.mu.Unlock()
	o.Add(ordered(one, "a"))
	o.Add(ordered(two, "b"))
	require.False(t, o.Flush())
	behind(t, o, ordered(two, "c"))
	pump(t, o)
	assert.Equal(t, "1 2 a b c", strings.Join(f.words, " "))
}
