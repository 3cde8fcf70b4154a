package wire_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/mediocregopher/radix/v4"
	"github.com/mediocregopher/radix/v4/resp"
	"github.com/mediocregopher/radix/v4/trace"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/internal/actor"
	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// Scripts that show what was run: each appends to a list what it was told, with
// the repeat flag, and answers with what it was told.
var (
	note  = noteScript("note", "RPUSH")
	other = noteScript("other", "RPUSH ")
)

func noteScript(verb, command string) *wire.Script {
	text := `local reply = {}
for i = 2, #ARGV do
  redis.call('` + strings.TrimSpace(command) + `', KEYS[1], ARGV[i] .. '/' .. ARGV[1])
  reply[i - 1] = ARGV[i]
end
return reply -- ` + verb
	files := fstest.MapFS{"lua/" + verb + ".lua": {Data: []byte(text)}}
	return wire.MustScript(files, wire.Script{Name: "test/" + verb, Group: 1, Keys: []contract.Key{contract.IDs}})
}

type call = *wire.Call[string]

// noting returns a call that notes a word, and is answered with it.
func noting(s *wire.Script, word string) call {
	return wire.NewCall(s, 1, wire.NewArgs(1, len(word)).String(word), func(r wire.Reader, groups int) (string, error) {
		word, _, err := r.String()
		return word, err
	})
}

func repeatable(c call) call { c.Repeatable = true; return c }
func readOnly(c call) call   { c.ReadOnly = true; return c }

// answer waits for a call that has to be answered by now.
func answer(t *testing.T, c call) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	v, err := c.Wait(ctx, nil)
	require.NotErrorIs(t, err, context.DeadlineExceeded, "no answer")
	return v, err
}

// newOutbox returns an outbox that a test drives by hand.
func newOutbox(name string, lane *wire.Lane, patience time.Duration) *wire.Outbox {
	return wire.NewOutbox(wire.OutboxConfig{
		Name: name, Instance: "me", Lane: lane, Patience: patience, Stats: new(wire.Stats), Numbers: new(atomic.Uint64),
	})
}

// flush sends what may be sent.
func flush(o *wire.Outbox) {
	for o.Flush(); o.Another(); o.Flush() {
		for !o.Distant() {
			time.Sleep(time.Microsecond) // it is the time that has to pass: there is no event
		}
	}
}

// pump does what an actor's loop does until nothing is left to send.
func pump(t *testing.T, o *wire.Outbox) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		flush(o)
		if o.Empty() {
			return
		}
		select {
		case b := <-o.Landed():
			o.Land(b)
		case <-o.Due():
			o.Resume()
		case <-deadline:
			t.Fatal("the outbox does not become empty")
		}
	}
}

// exchange is one write and what comes back.
type exchange func(request string) (reply string, err error)

// fakeRedis is a client of one connection that plays exchanges in order; further
// ones get the last.
type fakeRedis struct {
	mu        sync.Mutex
	exchanges []exchange
	requests  []string
	closed    bool
	path      string // of its address
}

func fake(e ...exchange) (*wire.Lane, *fakeRedis) {
	f := &fakeRedis{exchanges: e}
	return &wire.Lane{Client: f, Timeout: 5 * time.Second}, f
}

func (f *fakeRedis) Addr() net.Addr { return &net.UnixAddr{Name: f.path} }
func (f *fakeRedis) Close() error   { f.mu.Lock(); defer f.mu.Unlock(); f.closed = true; return nil }

func (f *fakeRedis) Do(ctx context.Context, a radix.Action) error { return a.Perform(ctx, f) }

func (f *fakeRedis) EncodeDecode(_ context.Context, m, u any) error {
	var request bytes.Buffer
	if err := m.(resp.Marshaler).MarshalRESP(&request, resp.NewOpts()); err != nil {
		return err
	}
	f.mu.Lock()
	f.requests = append(f.requests, request.String())
	e := f.exchanges[0]
	if len(f.exchanges) > 1 {
		f.exchanges = f.exchanges[1:]
	}
	f.mu.Unlock()
	reply, err := e(request.String())
	if err != nil {
		return err
	}
	br := bufio.NewReader(strings.NewReader(reply))
	if err := u.(resp.Unmarshaler).UnmarshalRESP(br, resp.NewOpts()); err != nil {
		return err
	}
	if left, _ := io.ReadAll(br); len(left) > 0 {
		return fmt.Errorf("%d bytes of the reply were not read", len(left))
	}
	return nil
}

// Exchanges.

var errCut = errors.New("the connection was cut")

func lost(string) (string, error) { return "", errCut }

func replies(lines ...string) exchange {
	return func(string) (string, error) { return strings.Join(lines, ""), nil }
}

// echo answers each call in the request as the note script does.
func echo(request string) (string, error) {
	var reply strings.Builder
	for _, args := range commands(request) {
		fmt.Fprintf(&reply, "*%d\r\n", len(args)-5)
		for _, a := range args[5:] {
			reply.WriteString(bulk(a))
		}
	}
	return reply.String(), nil
}

func bulk(s string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(s), s) }

// commands splits a request into its commands and their arguments.
func commands(request string) (list [][]string) {
	br := bufio.NewReader(strings.NewReader(request))
	number := func() int {
		line, err := br.ReadString('\n')
		if err != nil {
			return -1
		}
		n, _ := strconv.Atoi(strings.TrimSpace(line[1:]))
		return n
	}
	for n := number(); n >= 0; n = number() {
		args := make([]string, n)
		for i := range args {
			b := make([]byte, number()+2)
			_, _ = io.ReadFull(br, b)
			args[i] = string(b[:len(b)-2])
		}
		list = append(list, args)
	}
	return list
}

// sent is what the requests told the scripts: "a b/0" is one call with two words.
func (f *fakeRedis) sent() (list []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.requests {
		var calls []string
		for _, args := range commands(r) {
			calls = append(calls, strings.Join(args[5:], " ")+"/"+args[4])
		}
		list = append(list, strings.Join(calls, " + "))
	}
	return list
}

// newLane connects to a real server as the engine does.
func newLane(t *testing.T, network, addr string, timeout time.Duration) *wire.Lane {
	t.Helper()
	lane := &wire.Lane{Timeout: timeout}
	var made atomic.Pointer[radix.Conn]
	dialer := radix.Dialer{CustomConn: func(ctx context.Context, network, addr string) (radix.Conn, error) {
		conn, err := radix.Dialer{NewRespOpts: wire.NewRespOpts}.Dial(ctx, network, addr)
		if err == nil {
			made.Store(&conn)
		}
		return conn, err
	}}
	pool := radix.PoolConfig{
		Dialer: dialer, Size: 1, PingInterval: -1,
		MinReconnectInterval: time.Millisecond, MaxReconnectInterval: 20 * time.Millisecond,
		Trace: trace.PoolTrace{ConnCreated: func(c trace.PoolConnCreated) { lane.Dialled(c.Err) }},
	}
	client, err := pool.New(t.Context(), network, addr)
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = client.Close()
		_ = (*made.Load()).Close() // a pool that is closed while it connects again forgets that connection
	})
	lane.Client = client
	return lane
}

func isNotSent(err error) bool { return errors.Is(err, actor.ErrNotSent) }
func isUnknown(err error) bool { return errors.Is(err, actor.ErrOutcomeUnknown) }
