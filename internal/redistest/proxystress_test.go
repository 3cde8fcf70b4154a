package redistest

import (
	"bufio"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestProxyUnderStress: faults of all kinds at once must neither hang nor leave anything behind.
func TestProxyUnderStress(t *testing.T) {
	t.Parallel()
	p, _, _, key := proxied(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				conn, err := dial(p)
				if err != nil {
					continue
				}
				_ = conn.SetDeadline(time.Now().Add(replyTimeout))
				br := bufio.NewReader(conn)
				for range 10 {
					if _, err = conn.Write(appendCommand(nil, []any{"INCR", key})); err != nil {
						break
					}
					if _, err = readReply(br); err != nil {
						break
					}
				}
				_ = conn.Close()
			}
		})
	}
	wg.Go(func() {
		for i := range 200 {
			switch i % 7 {
			case 0:
				p.Cut()
			case 1:
				p.SwallowReplies(2)
			case 2:
				p.CutAfter(3)
			case 3:
				p.CutAfterBytes(5)
			case 4:
				p.Hold()
				p.Refuse(true)
			case 5:
				p.SwallowNext([]byte(key))
				p.Delay(time.Duration(i) * time.Microsecond)
			case 6:
				p.Refuse(false)
				p.Release()
			}
		}
		p.Refuse(false)
		p.Release()
	})
	wg.Wait()
}

// TestProxyCutsWhatIsBeingMade: a connection that has not reached the server yet ends at once as well, and stays ended.
func TestProxyCutsWhatIsBeingMade(t *testing.T) {
	t.Parallel()
	p := NewProxy(t, Shared(t).URL())
	dials, goOn := make(chan struct{}), make(chan struct{})
	reaches := sync.OnceFunc(func() { close(goOn) })
	t.Cleanup(reaches)
	p.mu.Lock()
	p.dial = func() (net.Conn, error) {
		close(dials)
		<-goOn
		return p.target.dial()
	}
	p.mu.Unlock()
	l := dialOnly(t, p)
	<-dials
	p.Refuse(true)
	p.Cut()
	require.Empty(t, l.ended())
	reaches()
	p.close() // which waits for those who serve
	require.Zero(t, p.Stats().Connections)
}
