package wire_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A call that was early is sent again, and is no reason to look for another node. What its callers are told, if they wait in
// vain, is why the one in front of it was refused.
func TestEarly(t *testing.T) {
	t.Parallel()
	lane, redis := fake(replies("-EARLY the call in front of it has not run\r\n"), echo)
	turned := 0
	lane.Turned = func(error) { turned++ }
	o := newOutbox("n", lane, time.Minute)
	c := noting(note, "a")
	c.Ordered = true
	o.Add(c)
	pump(t, o)
	got, err := answer(t, c)
	require.NoError(t, err)
	assert.Equal(t, "a", got)
	assert.Zero(t, turned)
	for _, request := range redis.requests {
		how := commands(request)[0][4]
		fields := strings.Fields(how)
		require.Len(t, fields, 3, how)
		assert.Equal(t, "0", fields[1], "nothing is under way in front of it")
		assert.NotEqual(t, "0", fields[2])
	}
}
