package pubsubhub

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// A mailbox is a slice, a bound and a count, whatever the order of pushes, pops and reconnects.
func TestMailboxModel(t *testing.T) {
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		bound := 1 + rnd.IntN(20)
		var m mailbox
		m.init(bound)
		var model []Event
		messages, sent := 0, 0
		gap := func() *Event {
			if len(model) == 0 || !model[len(model)-1].Lost() {
				model = append(model, Event{Kind: KindLagged})
			}
			return &model[len(model)-1]
		}
		for range 300 {
			switch rnd.IntN(5) {
			case 0, 1:
				var run []*Event
				for range 1 + rnd.IntN(6) {
					sent++
					e := Event{Message: Message{Channel: fmt.Sprint(sent)}}
					run = append(run, &e)
					if messages < bound {
						model = append(model, e)
						messages++
					} else {
						gap().Missed++
					}
				}
				before := messages
				queued, dropped := m.push(run)
				require.Equal(t, len(run), queued+dropped)
				require.LessOrEqual(t, queued, before)
			case 2:
				if rnd.IntN(5) == 0 {
					m.reconnected()
					gap().Kind = KindReconnected
				}
			default:
				into := make([]Event, 1+rnd.IntN(8))
				n, err := m.pop(into)
				require.NoError(t, err)
				require.Equal(t, min(len(into), len(model)), n)
				for i, e := range into[:n] {
					require.Equal(t, model[i], e)
					if !e.Lost() {
						messages--
					}
				}
				model = model[n:]
			}
			require.Equal(t, len(model), m.n)
			require.LessOrEqual(t, m.n, 2*bound+1)
		}
	}
}

func TestMailboxEnd(t *testing.T) {
	var m mailbox
	m.init(4)
	m.push([]*Event{{Message: Message{Channel: "a"}}})
	m.end(ErrClosed, false)
	m.end(ErrRefused, false)
	queued, dropped := m.push([]*Event{{}})
	require.Zero(t, queued+dropped)
	into := make([]Event, 2)
	n, err := m.pop(into)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	_, err = m.pop(into)
	require.ErrorIs(t, err, ErrClosed)
	<-m.ended
}
