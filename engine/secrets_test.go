package engine_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/thoonk-go/thoonk/actors/feed"
	"github.com/thoonk-go/thoonk/actors/job"
	"github.com/thoonk-go/thoonk/actors/queue"
	"github.com/thoonk-go/thoonk/actors/sorted"
	"github.com/thoonk-go/thoonk/engine"
	"github.com/thoonk-go/thoonk/internal/redisserver"
	"github.com/thoonk-go/thoonk/internal/redistest"
	"github.com/thoonk-go/thoonk/pool"
)

const (
	password = "0pen-5esame"
	payload  = "for-y0ur-eyes-only"
)

// told collects all that a program or its log is told.
type told struct {
	t    *testing.T
	logs *observer.ObservedLogs
	log  *zap.Logger

	mu     sync.Mutex
	errors []error
}

func newTold(t *testing.T) *told {
	core, logs := observer.New(zapcore.DebugLevel)
	return &told{t: t, logs: logs, log: zap.New(core)}
}

func (l *told) err(err error) error {
	if err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.errors = append(l.errors, err)
	}
	return err
}

// search fails if anything that was told has one of the texts in it.
func (l *told) search(secrets ...string) {
	l.t.Helper()
	var all []string
	for _, err := range l.errors {
		all = append(all, fmt.Sprintf("%v|%+v|%#v", err, err, err))
		for e := err; e != nil; e = errors.Unwrap(e) {
			all = append(all, fmt.Sprintf("%+v|%#v", e, e))
		}
	}
	for _, entry := range l.logs.All() {
		line, err := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()).EncodeEntry(entry.Entry, entry.Context)
		require.NoError(l.t, err)
		all = append(all, line.String())
	}
	for _, text := range all {
		for _, s := range secrets {
			assert.NotContains(l.t, text, s)
		}
	}
	l.t.Logf("%d errors and %d log entries searched", len(l.errors), l.logs.Len())
}

// No password is in an error of Open, in a log, or in a printed configuration.
func TestPasswordsAreNotTold(t *testing.T) {
	t.Parallel()
	l := newTold(t)
	srv := redistest.Private(t, redisserver.Options{Port: -1, Password: "another-0ne"})
	ca := newAuthority(t)
	secure := ca.serve("127.0.0.1", time.Now().Add(time.Hour), "no", password)
	for _, url := range []string{
		"redis://:" + password + "@127.0.0.1:" + fmt.Sprint(srv.Port()), "redis://user:" + password + "@127.0.0.1:" + fmt.Sprint(srv.Port()),
		"redis://:" + password + "@127.0.0.1:1", "redis://:" + password + "@nowhere.invalid", "unix://:" + password + "@/nowhere.sock",
		"rediss://:" + password + "@127.0.0.1:" + secure.tlsPort, "redis://:" + password + "@127.0.0.1:" + secure.tlsPort,
		"rediss://:" + password + "@127.0.0.1:" + fmt.Sprint(srv.Port()), "redis://:" + password + "@local host", "redis://:%zz" + password + "@host",
		"redis://u:1/" + password + "@host/0", "redis://u:1?" + password + "@host/0", "redis://u:1#" + password + "@host/0", "redis://:" + password + "@host/x",
		"http://:" + password + "@host", "unix://:" + password + "@host/path", "u:" + password + "@host",
		strings.Replace(srv.URL(), "another-0ne", password, 1),
		"redis+cluster://u:" + password + "@127.0.0.1:1,127.0.0.1:2", "redis+cluster://:" + password + "@127.0.0.1:" + fmt.Sprint(srv.Port()),
		"redis+cluster://u:1/" + password + "@127.0.0.1:1", "redis+sentinel://:" + password + "@127.0.0.1:1,127.0.0.1:2/m?db=1",
		"redis+sentinel://127.0.0.1:" + fmt.Sprint(srv.Port()) + "/m?sentinel_user=u&sentinel_password=" + password,
	} {
		cfg := engine.Config{URL: url, DialTimeout: 500 * time.Millisecond, Timeout: time.Second, Logger: l.log}
		_, err := engine.Open(t.Context(), cfg)
		require.Error(t, l.err(err), url)
		l.log.Info("configuration", zap.Any("any", cfg), zap.Stringer("stringer", cfg), zap.String("printed", fmt.Sprintf("%v %+v %#v %s %+v", cfg, cfg, cfg, cfg, &cfg)))
		var text strings.Builder
		slog.New(slog.NewJSONHandler(&text, nil)).Info("x", "config", cfg)
		slog.New(slog.NewTextHandler(&text, nil)).Info("x", "config", cfg)
		l.log.Info(text.String())
	}
	// A connection that is lost, refused, and taken up again.
	proxy := redistest.NewProxy(t, strings.Replace(srv.TCPURL(), "redis://", "redis://", 1))
	eng := open(t, engine.Config{URL: proxy.URL(), Patience: 200 * time.Millisecond, Logger: l.log})
	f, err := eng.Feed(t.Context(), redistest.Name(t), feed.Config{})
	require.NoError(t, err)
	sub, err := f.Follow(t.Context(), feed.FollowOptions{})
	require.NoError(t, err)
	defer sub.Close()
	proxy.Refuse(true)
	proxy.Cut()
	_, err = f.Publish(t.Context(), nil)
	require.Error(t, l.err(err))
	// The password is changed meanwhile.
	admin := redistest.Client(t, srv.URL())
	admin.Do("CONFIG", "SET", "requirepass", "a-third-0ne")
	proxy.Refuse(false)
	_, err = f.Publish(t.Context(), nil)
	require.ErrorContains(t, l.err(err), "WRONGPASS")
	l.search(password, "another-0ne", "a-third-0ne")
}

// No item, result or id that somebody wrote is in an error or a log of the engine,
// whatever fails. What a handler says in its own error or panic is kept with the job.
func TestPayloadsAreNotTold(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	l := newTold(t)
	srv := redistest.Private(t, redisserver.Options{})
	admin := redistest.Client(t, srv.URL())
	admin.Do("ACL", "SETUSER", "u", "on", ">"+password, "~*", "&*", "+@all")
	proxy := redistest.NewProxy(t, strings.Replace(srv.URL(), "unix://", "unix://u:"+password+"@", 1))
	eng := open(t, engine.Config{URL: proxy.URL(), Patience: 500 * time.Millisecond, Timeout: 300 * time.Millisecond, MaxItem: 1 << 20, Lease: time.Second, DrainTimeout: 10 * time.Millisecond, Logger: l.log})
	f, err := eng.Feed(ctx, "feed", feed.Config{})
	require.NoError(t, err)
	s, err := eng.Sorted(ctx, "sorted", sorted.Config{})
	require.NoError(t, err)
	q, err := eng.Queue(ctx, "queue", queue.Config{})
	require.NoError(t, err)
	j, err := eng.Jobs(ctx, "jobs", job.Config{MaxFailures: 2, MinBackoff: time.Millisecond})
	require.NoError(t, err)
	body := []byte(payload)

	writes := func() {
		_, err := f.Publish(ctx, body)
		_ = l.err(err)
		_, err = f.PublishMany(ctx, []feed.Item{{ID: "a", Body: body}, {ID: "b", Body: body}})
		_ = l.err(err)
		_, err = s.Append(ctx, body)
		_ = l.err(err)
		_ = l.err(s.Edit(ctx, "1", body))
		_, err = q.Put(ctx, body)
		_ = l.err(err)
		outcomes, err := q.PutMany(ctx, [][]byte{body, body})
		_ = l.err(err)
		for _, o := range outcomes {
			_ = l.err(o.Err)
		}
		_, err = j.Put(ctx, body)
		_ = l.err(err)
		short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		defer cancel()
		_, err = q.Get(short)
		_ = l.err(err)
		_, err = j.TryGet(ctx)
		_ = l.err(err)
	}
	broken := func(keys ...string) {
		for _, k := range keys {
			admin.Do("DEL", k)
			admin.Do("SET", k, payload)
		}
	}
	writes()
	// Wrong types, whose value is a payload too.
	broken("feed.items:feed", "feed.items:sorted", "feed.items:queue", "feed.items:jobs")
	writes()
	admin.Do("DEL", "feed.items:feed", "feed.items:sorted", "feed.items:queue", "feed.items:jobs")
	broken("feed.publishes:feed", "feed.publishes:sorted", "feed.publishes:queue", "feed.publishes:jobs", "feed.idincr:sorted")
	writes()
	admin.Do("DEL", "feed.publishes:feed", "feed.publishes:sorted", "feed.publishes:queue", "feed.publishes:jobs", "feed.idincr:sorted")
	// Not permitted, by key, by command and by channel.
	for _, rules := range [][]any{{"-hset"}, {"resetkeys", "~feeds"}, {"resetchannels"}, {"-evalsha"}} {
		admin.Do(append([]any{"ACL", "SETUSER", "u"}, rules...)...)
		writes()
		admin.Do("ACL", "SETUSER", "u", "~*", "&*", "+@all")
	}
	// Out of memory, and replies that are lost.
	admin.Do("CONFIG", "SET", "maxmemory", "1")
	writes()
	admin.Do("CONFIG", "SET", "maxmemory", "0")
	var lost []<-chan struct{}
	for range 6 {
		lost = append(lost, proxy.SwallowNext([]byte(payload)))
	}
	proxy.Cut()
	redistest.Eventually(t, func() bool {
		writes()
		return !slices.ContainsFunc(lost, func(struck <-chan struct{}) bool {
			select {
			case <-struck:
				return false
			default:
				return true
			}
		})
	}, "all six are lost")
	// Arguments that are refused here.
	_, err = f.Publish(ctx, append(make([]byte, 1<<20), payload...))
	require.Error(t, l.err(err))
	require.Error(t, l.err(f.PublishAs(ctx, "a\x00"+payload, nil)))
	_, err = j.Put(ctx, body, job.PutOptions{Delay: -1})
	require.Error(t, l.err(err))

	// Handlers that fail, panic, and do not return, on jobs with the payload.
	admin.Do("DEL", "feed.ids:jobs", "feed.items:jobs")
	release := make(chan struct{})
	var runs sync.WaitGroup
	runs.Add(3)
	var n sync.Map
	require.NoError(t, eng.Handle(ctx, j, func(ctx context.Context, c *job.Claim) ([]byte, error) {
		if _, again := n.LoadOrStore(c.ID, true); !again {
			runs.Done()
		}
		switch string(c.Body[len(c.Body)-1:]) {
		case "1":
			return nil, errors.New("handler: " + string(c.Body))
		case "2":
			panic("handler: " + string(c.Body))
		default:
			<-release
			return []byte(payload), nil
		}
	}, pool.Options{Workers: 8}))
	for _, kind := range []string{"1", "2", "3"} {
		_, err := j.Put(ctx, []byte(payload+kind))
		require.NoError(t, err)
	}
	runs.Wait()
	admin.Do("SET", "feed.finishes:jobs", payload) // the end of a job is refused
	close(release)
	redistest.Eventually(t, func() bool { return l.logs.FilterMessageSnippet("could not be stored").Len() > 0 })
	require.NoError(t, eng.Close(ctx))
	for _, failure := range []string{"WRONGTYPE", "not an integer", "NOPERM", "OOM", "too large", "NUL", "delay"} {
		assert.ErrorContains(t, errors.Join(l.errors...), failure, "not every kind of failure has been tried")
	}
	assert.ErrorIs(t, errors.Join(l.errors...), engine.ErrOutcomeUnknown)
	l.search(password, payload)
}
