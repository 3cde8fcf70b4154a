package job_test

import (
	"sync"
	"testing"
	"time"
)

// stalls watches how long this process stands still, or what it asks meanwhile. The function it returns ends that and
// tells how long it was at most: a limit of time is to allow for that, or to be tried again.
func stalls(t testing.TB, ask func()) func() time.Duration {
	t.Helper()
	var longest time.Duration
	var wg sync.WaitGroup
	end := make(chan struct{})
	wg.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for last := time.Now(); ; last = time.Now() {
			over := false
			select {
			case <-tick.C:
				ask()
			case <-end:
				over = true
			}
			if longest = max(longest, time.Since(last)); over {
				return
			}
		}
	})
	stop := sync.OnceFunc(func() { close(end); wg.Wait() })
	t.Cleanup(stop)
	return func() time.Duration { stop(); return longest }
}
