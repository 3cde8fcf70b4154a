package redistest

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

// Main is the body of a TestMain: it runs the tests, ends the shared server, checks that no goroutine is left, and
// exits.
func Main(m *testing.M) {
	code := m.Run()
	if err := shared.stop(); err != nil {
		say("%v", err)
		code = max(code, 1)
	}
	if names := skipped.all(); len(names) > 0 {
		say("skipped, they need a redis-server on PATH: %s", strings.Join(names, ", "))
	}
	if names := elsewhere.all(); len(names) > 0 {
		say("skipped, they make no sense on this topology:\n  %s", strings.Join(names, "\n  "))
	}
	if code == 0 { // a failed test may leave anything behind; its own message is the one to read
		if err := goleak.Find(); err != nil {
			say("goroutines left after the tests: %v", err)
			code = 1
		}
	}
	os.Exit(code)
}

func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "redistest: "+format+"\n", args...)
}

// skipped names the tests that were skipped for want of a redis-server.
var skipped names

type names struct {
	mu   sync.Mutex
	list []string
}

func (n *names) add(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.list = append(n.list, name)
}

func (n *names) all() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	slices.Sort(n.list)
	return slices.Compact(n.list) // a test may run several times
}

// skip ends a test that cannot run without a redis-server: loudly, and with CI set as a failure.
func skip(t testing.TB, why error) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("this test needs a redis-server and CI is set: %v", why)
	}
	skipped.add(t.Name())
	t.Skipf("SKIPPED: this test needs a redis-server: %v", why)
}
