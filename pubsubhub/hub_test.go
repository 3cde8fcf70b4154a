package pubsubhub

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/thoonk-go/thoonk/internal/redistest"
)

func TestMain(m *testing.M) { redistest.Main(m) }

func TestSubscribeWaitsForEveryName(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, f *fake) {
		require.False(t, f.hub.Stats().Connected)
		sub := f.subscribe(t.Context(), Options{Channels: []string{"b", "a", "b"}, Patterns: []string{"x*"}})
		p := <-f.peers
		first, second := p.command(), p.command() // channels and patterns, in any order
		swapped := first[0] == "psubscribe"
		if swapped {
			first, second = second, first
		}
		require.ElementsMatch(t, []string{"subscribe", "a", "b"}, first)
		require.Equal(t, []string{"psubscribe", "x*"}, second)
		require.Equal(t, Stats{Connected: true, Subscriptions: 1, Channels: 2, Patterns: 1}, f.hub.Stats())
		if swapped {
			p.confirmed(second...)
			sub.waits()
		}
		p.confirmed("subscribe", first[1])
		sub.waits()
		p.confirmed("subscribe", first[2])
		if !swapped {
			sub.waits()
			p.confirmed(second...)
		}
		sub.ok()
	})
}

func TestStreamBeginsWithTheLastConfirmation(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, f *fake) {
		sub := f.subscribe(t.Context(), Options{Channels: []string{"a", "b"}})
		p := <-f.peers
		words := p.expect("subscribe", "a", "b")
		p.confirmed("subscribe", words[1])
		p.message(words[1], "early")
		sub.waits()
		// The last confirmation in the middle of one read: the stream begins exactly there.
		p.send(rawMessage(words[1], "too early") + "*3\r\n$9\r\nsubscribe\r\n" + bulk(words[2]) + ":2\r\n" + rawMessage("a", "1") + rawMessage("b", "2"))
		s := sub.ok()
		require.Equal(t, []string{"1", "2"}, next(t, s, 2))

		// Names that are confirmed already are confirmed at once.
		other := f.subscribe(t.Context(), Options{Channels: []string{"b"}}).ok()
		p.message("b", "3")
		require.Equal(t, []string{"3"}, next(t, s, 1))
		require.Equal(t, []string{"3"}, next(t, other, 1))
		require.Equal(t, Stats{Connected: true, Messages: 5, Delivered: 4, Subscriptions: 2, Channels: 2}, f.hub.Stats())
	})
}

func TestExactAndPattern(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, f *fake) {
		exact := f.subscribe(t.Context(), Options{Channels: []string{"news"}})
		p := <-f.peers
		p.confirm("subscribe", "news")
		pattern := f.subscribe(t.Context(), Options{Patterns: []string{"n*"}})
		p.confirm("psubscribe", "n*")
		both := f.subscribe(t.Context(), Options{Channels: []string{"news"}, Patterns: []string{"n*"}}).ok()
		p.send(rawMessage("news", "1") + rawPMessage("n*", "news", "1"))
		e, err := exact.ok().Next(t.Context())
		require.NoError(t, err)
		require.Equal(t, Event{Message: Message{Channel: "news", Payload: []byte("1")}}, e)
		e, err = pattern.ok().Next(t.Context())
		require.NoError(t, err)
		require.Equal(t, Event{Message: Message{Channel: "news", Pattern: "n*", Payload: []byte("1")}}, e)
		require.Equal(t, []string{"1", "1"}, next(t, both, 2))
	})
}

func TestSubscribeEndsWithItsContext(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, f *fake) {
		_, err := f.hub.Subscribe(t.Context(), Options{})
		require.Error(t, err)
		over, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = f.hub.Subscribe(over, Options{Channels: []string{"a"}})
		require.ErrorIs(t, err, context.Canceled)
		synctest.Wait()
		require.Empty(t, f.peers)

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		sub := f.subscribe(ctx, Options{Channels: []string{"a"}})
		p := <-f.peers
		p.expect("subscribe", "a")
		require.ErrorIs(t, sub.fails(), context.DeadlineExceeded)
		p.confirmed("subscribe", "a")
		p.confirm("unsubscribe", "a")
		synctest.Wait()
		require.Equal(t, Stats{Connected: true}, f.hub.Stats())
	})
}

func TestUnsubscribeThenSubscribe(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, f *fake) {
		first := f.subscribe(t.Context(), Options{Channels: []string{"a"}})
		p := <-f.peers
		p.confirm("subscribe", "a")
		require.NoError(t, first.ok().Close())
		require.NoError(t, first.sub.Close())
		p.expect("unsubscribe", "a")
		second := f.subscribe(t.Context(), Options{Channels: []string{"a"}})
		p.expect("subscribe", "a")
		p.message("a", "of the first")
		p.confirmed("unsubscribe", "a")
		second.waits()
		p.confirmed("subscribe", "a")
		p.message("a", "of the second")
		require.Equal(t, []string{"of the second"}, next(t, second.ok(), 1))
		_, err := first.sub.Next(t.Context())
		require.ErrorIs(t, err, ErrClosed)
	})
}

func TestNextAndClose(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, f *fake) {
		sub := f.subscribe(t.Context(), Options{Channels: []string{"a"}})
		p := <-f.peers
		p.confirm("subscribe", "a")
		s := sub.ok()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := s.Next(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)

		const waiting = 3
		errs := make(chan error, waiting)
		for range waiting {
			go func() {
				_, err := s.Next(t.Context())
				errs <- err
			}()
		}
		p.message("a", "1", "2") // two of them get one each, whoever is woken
		for range waiting - 1 {
			require.NoError(t, <-errs)
		}
		require.NoError(t, s.Close())
		p.confirm("unsubscribe", "a")
		require.ErrorIs(t, <-errs, ErrClosed)
	})
}

func TestMailboxFull(t *testing.T) {
	inBubble(t, Config{Mailbox: 2}, func(t *testing.T, f *fake) {
		slow := f.subscribe(t.Context(), Options{Channels: []string{"a"}})
		p := <-f.peers
		p.confirm("subscribe", "a")
		quick := f.subscribe(t.Context(), Options{Channels: []string{"a"}, Mailbox: 100}).ok()
		p.message("a", "1", "2", "3", "4", "5")
		require.Equal(t, []string{"1", "2", "3", "4", "5"}, next(t, quick, 5))
		s := slow.ok()
		require.Equal(t, []string{"1"}, next(t, s, 1))
		p.message("a", "6", "7")
		require.Equal(t, []string{"6", "7"}, next(t, quick, 2))
		require.Equal(t, []string{"2", "lagged 3", "6", "lagged 1"}, next(t, s, 4))
		stats := f.hub.Stats()
		require.Equal(t, []uint64{7, 10, 4}, []uint64{stats.Messages, stats.Delivered, stats.Dropped})
	})
}

func TestFilter(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, f *fake) {
		var closing *Subscription
		sub := f.subscribe(t.Context(), Options{Channels: []string{"a"}, Mailbox: 2, Filter: func(m Message) bool {
			return strings.HasPrefix(string(m.Payload), "+") && m.Channel == "a"
		}})
		p := <-f.peers
		p.confirm("subscribe", "a")
		p2 := f.subscribe(t.Context(), Options{Channels: []string{"a"}, Filter: func(Message) bool {
			return closing.Close() == nil // from the owner's own goroutine
		}})
		closing = p2.ok()
		p.message("a", "-", "+1", "-", "-", "+2", "-")
		require.Equal(t, []string{"+1", "+2"}, next(t, sub.ok(), 2))
		_, err := closing.Next(t.Context())
		require.ErrorIs(t, err, ErrClosed)
		synctest.Wait()
		require.Equal(t, Stats{Connected: true, Messages: 6, Delivered: 2, Subscriptions: 1, Channels: 1}, f.hub.Stats())
	})
}

func TestCloseHub(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, f *fake) {
		sub := f.subscribe(t.Context(), Options{Channels: []string{"a"}})
		p := <-f.peers
		p.confirm("subscribe", "a")
		p.message("a", "1")
		s := sub.ok()
		synctest.Wait()
		waiting := f.subscribe(t.Context(), Options{Channels: []string{"b"}})
		p.expect("subscribe", "b")
		require.NoError(t, f.hub.Close())
		require.NoError(t, f.hub.Close())
		require.ErrorIs(t, waiting.fails(), ErrClosed)
		require.Equal(t, []string{"1"}, next(t, s, 1))
		_, err := s.Next(t.Context())
		require.ErrorIs(t, err, ErrClosed)
		_, err = f.hub.Subscribe(t.Context(), Options{Channels: []string{"a"}})
		require.ErrorIs(t, err, ErrClosed)
		require.False(t, f.hub.Stats().Connected)
		p.ends()
	})
}

func TestRefusedNames(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, f *fake) {
		first := f.subscribe(t.Context(), Options{Channels: []string{"first"}})
		p := <-f.peers
		p.confirm("subscribe", "first")
		first.ok()
		bad := f.subscribe(t.Context(), Options{Channels: []string{"a", "bad", "c"}})
		p.expect("subscribe", "a", "bad", "c")
		good := f.subscribe(t.Context(), Options{Channels: []string{"a"}}) // a name that is in flight with the bad one
		good.waits()
		p.send("-NOPERM no channel permissions\r\n")
		p.refuse("subscribe", "a", "bad") // asked again in halves
		p.confirm("subscribe", "c")
		p.confirm("subscribe", "a")
		good.ok()
		p.refuse("subscribe", "bad")
		err := bad.fails()
		require.ErrorIs(t, err, ErrRefused)
		require.ErrorContains(t, err, `"bad": NOPERM`)
		p.confirm("unsubscribe", "c")
		p.message("a", "1")
		require.Equal(t, []string{"1"}, next(t, good.sub, 1))
		require.Zero(t, f.hub.Stats().Reconnects)
	})
}

var errDown = errors.New("connection refused")

func TestOutage(t *testing.T) {
	inBubble(t, Config{MinBackoff: 100 * time.Millisecond, MaxBackoff: time.Second}, func(t *testing.T, f *fake) {
		f.fail(errDown, nil)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		gaveUp := f.subscribe(ctx, Options{Channels: []string{"a"}})
		patient := f.subscribe(t.Context(), Options{Channels: []string{"b"}})
		err := gaveUp.fails()
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, errDown)
		waits := f.waits()
		require.Less(t, len(waits), 25)
		for i, d := range waits {
			most := min(time.Second, 100*time.Millisecond<<i)
			require.LessOrEqual(t, d, most)
			require.GreaterOrEqual(t, d, most/2)
		}
		require.Greater(t, len(slices.Compact(waits[5:])), 1, "jitter")
		f.fail(nil, nil)
		p := <-f.peers
		p.confirm("subscribe", "b")
		patient.ok()
	})
}

// However the bytes are cut into reads, and whatever the sizes, the messages are the same.
func TestAnyReads(t *testing.T) {
	inBubble(t, Config{Mailbox: 10_000}, func(t *testing.T, f *fake) {
		sub := f.subscribe(t.Context(), Options{Channels: []string{"a"}, Patterns: []string{"p*"}})
		p := <-f.peers
		p.confirmed(p.command()...)
		p.confirmed(p.command()...)
		s := sub.ok()
		rnd := rand.New(rand.NewPCG(1, 2))
		var want []string
		var raw strings.Builder
		for i := range 2000 {
			payload := strings.Repeat(strconv.Itoa(i), rnd.IntN(50))
			if i%100 == 0 {
				payload = strings.Repeat("\r\n", rnd.IntN(2*keepSize))
			}
			want = append(want, payload)
			if i%3 == 0 {
				raw.WriteString(rawPMessage("p*", "pq", payload))
			} else {
				raw.WriteString(rawMessage("a", payload))
			}
		}
		for stream := raw.String(); stream != ""; {
			n := min(len(stream), 1+rnd.IntN(100_000))
			if rnd.IntN(2) == 0 {
				n = min(n, 1+rnd.IntN(100))
			}
			p.send(stream[:n])
			stream = stream[n:]
		}
		for i, payload := range next(t, s, len(want)) {
			require.True(t, payload == want[i], "message %d", i)
		}
	})
}
