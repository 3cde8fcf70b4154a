package contract_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/thoonk-go/thoonk/internal/contract"
)

func TestNamesAndIDs(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		s    string
		says string // empty: allowed
	}{
		"empty":                 {"", "is empty"},
		"one byte":              {"a", ""},
		"colon":                 {"a:b", ""},
		"not UTF-8":             {"\xff\xfe", ""},
		"white space":           {" \r\n", ""},
		"NUL":                   {"\x00", "contains a NUL byte"},
		"NUL at the end":        {"abc\x00", "contains a NUL byte"},
		"at the limit":          {strings.Repeat("n", 512), ""},
		"above the limit":       {strings.Repeat("n", 513), "has 513 bytes, the limit is 512"},
		"bytes, not characters": {strings.Repeat("é", 257), "has 514 bytes, the limit is 512"},
	}
	for name, tc := range tests {
		for what, check := range map[string]func(string) error{"name": contract.CheckName, "id": contract.CheckID} {
			err := check(tc.s)
			if tc.says == "" {
				assert.NoError(t, err, name)
				continue
			}
			want := contract.ErrInvalidName
			if what == "id" {
				want = contract.ErrInvalidID
			}
			assert.ErrorIs(t, err, want, name)
			assert.ErrorContains(t, err, "the "+what+" "+tc.says, name)
		}
	}
	assert.NoError(t, contract.CheckItem(nil, 0))
	assert.NoError(t, contract.CheckItem(make([]byte, 10), 10))
	err := contract.CheckItem(make([]byte, 11), 10)
	assert.ErrorIs(t, err, contract.ErrItemTooLarge)
	assert.ErrorContains(t, err, "11 bytes, the limit is 10")
}

func TestNewID(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 1000 {
		id := contract.NewID()
		assert.Regexp(t, regexp.MustCompile(`^[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}$`), id)
		assert.False(t, seen[id])
		seen[id] = true
	}
}

// A payload is split at its first NUL only; what was joined comes back.
func FuzzSplitPayload(f *testing.F) {
	for _, p := range []string{"", "\x00", "id", "id\x00", "id\x00item", "id\x00it\x00em", "\x00\x00"} {
		f.Add([]byte(p))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		before := bytes.Clone(p)
		id, rest := contract.SplitPayload(p)
		assert.NotContains(t, id, "\x00")
		assert.Equal(t, before, p)
		if bytes.IndexByte(p, 0) < 0 {
			assert.Equal(t, string(p), id)
			assert.Empty(t, rest)
		} else {
			assert.Equal(t, string(p), id+"\x00"+string(rest))
		}
	})
}

// The name is everything behind the first colon (contract 9).
func FuzzSplitChannel(f *testing.F) {
	for _, c := range []string{"", ":", "newfeed", "feed.publish:X", "feed.publish:a:b", "feed.edit:"} {
		f.Add(c)
	}
	f.Fuzz(func(t *testing.T, c string) {
		kind, name, ok := contract.SplitChannel(c)
		assert.Equal(t, strings.Contains(c, ":"), ok)
		if ok {
			assert.Equal(t, c, kind.Of(name))
			assert.Equal(t, 1, strings.Count(string(kind), ":"))
			assert.False(t, kind.Global())
		} else {
			assert.Empty(t, string(kind)+name)
		}
	})
}

// Deleting a name deletes every key of its own that the contract knows (section 7).
func TestOwned(t *testing.T) {
	t.Parallel()
	seen := map[contract.Key]bool{}
	for _, k := range contract.Owned {
		assert.False(t, k.Global(), k)
		assert.False(t, seen[k], "%s is there twice", k)
		seen[k] = true
	}
	for _, k := range strings.Fields("ids items publishes config idincr published claimed cancelled stalled running finishes retried claimants delayed errors maintenance unaccounted") {
		assert.True(t, seen[contract.Key("feed."+k+":")], k)
	}
	assert.Equal(t, "feeds", contract.Feeds.Of("X"))
	assert.Equal(t, "feed.ids:X:Y", contract.IDs.Of("X:Y"))
}
