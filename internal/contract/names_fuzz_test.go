package contract_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/thoonk-go/thoonk/internal/contract"
)

// A name and an id that are allowed come back whole from the channels and payloads that
// they are put into, whatever bytes they have; one that is not allowed is refused with its limit.
func FuzzNames(f *testing.F) {
	for _, s := range []string{"", "news", "a:b", "{x}", "a\x00b", "\xff\xfe", strings.Repeat("n", 512), strings.Repeat("n", 513), "feed.ids:", " "} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, name, id string) {
		allowed := name != "" && len(name) <= contract.MaxName && !strings.Contains(name, "\x00")
		if err := contract.CheckName(name); allowed {
			assert.NoError(t, err)
			kind, back, ok := contract.SplitChannel(contract.Publish.Of(name))
			assert.True(t, ok)
			assert.Equal(t, contract.Publish, kind)
			assert.Equal(t, name, back)
		} else {
			assert.ErrorIs(t, err, contract.ErrInvalidName)
		}
		if contract.Tagged.Check(name) == nil {
			back, ok := contract.Tagged.Name(contract.Tagged.Wire(name))
			assert.True(t, ok)
			assert.Equal(t, name, back)
		} else if allowed {
			assert.ErrorContains(t, contract.Tagged.Check(name), "brace")
		}
		allowed = id != "" && len(id) <= contract.MaxID && !strings.Contains(id, "\x00")
		if err := contract.CheckID(id); allowed {
			assert.NoError(t, err)
			back, rest := contract.SplitPayload([]byte(id + "\x00" + name))
			assert.Equal(t, id, back)
			assert.Equal(t, name, string(rest))
		} else {
			assert.ErrorIs(t, err, contract.ErrInvalidID)
		}
	})
}
