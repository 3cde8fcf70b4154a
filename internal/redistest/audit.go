package redistest

import (
	"bufio"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// auditor watches a server through MONITOR and keeps what scripts did with keys that they had not declared: in a cluster
// that is an error as soon as the key is elsewhere. THOONK_AUDIT=keys has one watch the shared server of a test binary.
type auditor struct {
	node *node
	done chan struct{}

	mu         sync.Mutex
	scripts    map[string]bool // that ran, by their SHA
	calls      int             // of commands in them
	violations []string
}

func audit(ep endpoint) (*auditor, error) {
	conn, err := ep.dial()
	if err != nil {
		return nil, err
	}
	a := &auditor{node: &node{conn, bufio.NewReaderSize(conn, 1<<20)}, done: make(chan struct{}), scripts: map[string]bool{}}
	if _, err := a.node.exchange([][]any{{"CONFIG", "SET", "client-output-buffer-limit", "normal 0 0 0"}, {"MONITOR"}}); err != nil {
		return nil, err
	}
	go a.read()
	return a, nil
}

// monitored is a line of MONITOR: who, and what.
var monitored = regexp.MustCompile(`^\+[0-9.]+ \[\d+ ([^\]]*)\] (.*)$`)

func (a *auditor) read() {
	defer close(a.done)
	_ = a.node.conn.SetDeadline(noDeadline)
	var script string
	var declared []string
	for {
		line, err := a.node.br.ReadString('\n')
		if err != nil {
			return
		}
		m := monitored.FindStringSubmatch(strings.TrimSuffix(line, "\r\n"))
		if m == nil {
			continue
		}
		words := quoted(m[2])
		if len(words) == 0 {
			continue
		}
		switch verb := strings.ToUpper(words[0]); {
		case m[1] != "lua":
			script = ""
			if verb == "EVALSHA" && len(words) > 2 {
				n, _ := strconv.Atoi(words[2])
				script, declared = words[1], words[3:min(3+n, len(words))]
			}
		case script != "":
			a.check(script, declared, verb, words[1:])
		}
	}
}

// check notes a command of a script.
func (a *auditor) check(script string, declared []string, verb string, args []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.scripts[script] = true
	a.calls++
	for _, key := range touched(verb, args) {
		if !slices.Contains(declared, key) {
			a.violations = append(a.violations, fmt.Sprintf("script %s: %s %s, declared are %q", script, verb, key, declared))
		}
	}
}

// touched are the keys of a command that scripts use.
func touched(verb string, args []string) []string {
	switch verb {
	case "PUBLISH", "TIME":
		return nil
	case "DEL", "UNLINK", "EXISTS":
		return args
	}
	return args[:min(1, len(args))]
}

// quoted takes the words of a line apart, each in quotes.
func quoted(line string) (words []string) {
	for line != "" {
		q, err := strconv.QuotedPrefix(line)
		if err != nil {
			return words
		}
		w, err := strconv.Unquote(q)
		if err != nil {
			return words
		}
		words = append(words, w)
		line = strings.TrimPrefix(line[len(q):], " ")
	}
	return words
}

// close ends the watch and reports what was found.
func (a *auditor) close() error {
	_ = a.node.conn.Close()
	<-a.done
	a.mu.Lock()
	defer a.mu.Unlock()
	slices.Sort(a.violations)
	found := slices.Compact(a.violations)
	say("audit: %d scripts made %d calls, %d of them with undeclared keys", len(a.scripts), a.calls, len(a.violations))
	if len(found) > 0 {
		return fmt.Errorf("undeclared keys:\n  %s", strings.Join(found[:min(20, len(found))], "\n  "))
	}
	return nil
}
