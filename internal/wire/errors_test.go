package wire_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/thoonk-go/thoonk/internal/actor"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// An error of Redis says where in the script it happened, as versions of Redis spell
// it, and whether a part may have run.
func TestRefusals(t *testing.T) {
	t.Parallel()
	n := 1 + strings.Count(note.Source()[:strings.Index(note.Source(), "'RPUSH'")], "\n")
	at := fmt.Sprintf("@user_script:%d", n)
	line := strings.TrimSpace(strings.Split(note.Source(), "\n")[n-1])
	sha := note.SHA()
	tests := map[string]struct {
		refusal string
		says    []string
		unknown bool
	}{
		"out of memory": {"OOM command not allowed when used memory > 'maxmemory'. script: " + sha + ", on " + at + ".",
			[]string{"redis refused: OOM", line}, false},
		"command, 7.0": {"ERR The user executing the script can't run this command or subcommand script: " + sha + ", on " + at + ".",
			[]string{"redis refused: NOPERM The user", line}, true},
		"command, 7.2": {"NOPERM User u has no permissions to run the 'rpush' command script: " + sha + ", on " + at + ".",
			[]string{"redis refused: NOPERM User u", line}, true},
		"command, 6.2": {"ERR Error running script (call to f_" + sha + "): " + at + ": @user_script: 3: The user executing the script can't run this command or subcommand",
			[]string{"NOPERM", line}, true},
		"keys": {"NOPERM this user has no permissions to access one of the keys used as arguments",
			[]string{"NOPERM this user", "~feed."}, false},
		"a line that there is not": {"ERR oops script: " + sha + ", on @user_script:9999.", []string{"redis refused: ERR oops"}, false},
	}
	for name, tc := range tests {
		lane, _ := fake(replies("-" + tc.refusal + "\r\n"))
		o := newOutbox("n", lane, time.Minute)
		c := wire.NewCall(note, 1, wire.NewArgs(1, 1).String("w"), wire.Worst)
		o.Add(c)
		pump(t, o)
		_, err := c.Wait(t.Context(), nil)
		var refused *wire.RefusedError
		require.ErrorAs(t, err, &refused, name)
		for _, s := range tc.says {
			assert.ErrorContains(t, err, s, name)
		}
		assert.Equal(t, tc.unknown, errors.Is(err, actor.ErrOutcomeUnknown), name)
		assert.Equal(t, !tc.unknown, errors.Is(err, actor.ErrNotSent), name)
	}
}
