package redistest

import (
	"fmt"
	"testing"
	"time"
)

// defaultPatience is how long Eventually and Next wait.
const defaultPatience = 10 * time.Second

// Eventually waits until cond is true, and fails the test with the message if it is not within ten seconds. The first
// element of msg may be a format for the rest. cond runs in the test's goroutine.
func Eventually(t testing.TB, cond func() bool, msg ...any) {
	t.Helper()
	deadline := time.NewTimer(defaultPatience)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline.C:
			if cond() {
				return
			}
			t.Fatalf("not true within %v: %s", defaultPatience, message(msg))
		}
	}
}

func message(msg []any) string {
	if len(msg) == 0 {
		return "the condition"
	}
	if format, ok := msg[0].(string); ok {
		return fmt.Sprintf(format, msg[1:]...)
	}
	return fmt.Sprint(msg...)
}
