package topology

import (
	"errors"
	"testing"

	"github.com/mediocregopher/radix/v4"
	"github.com/stretchr/testify/assert"
)

func TestView(t *testing.T) {
	t.Parallel()
	topo := radix.ClusterTopo{
		{Addr: "a", Slots: [][2]uint16{{0, 100}, {200, 300}}},
		{Addr: "b", Slots: [][2]uint16{{100, 200}}},
		{Addr: "c", Slots: [][2]uint16{{100, 200}}, SecondaryOfAddr: "b"},
	}
	v := fromTopo(topo)
	assert.Equal(t, []string{"a", "b"}, v.primaries)
	slot := int(radix.ClusterSlot([]byte("{06S}"))) // 0
	assert.Equal(t, "a", v.owner("{06S}"))
	assert.Empty(t, v.owner("foo"), "slot 12182 belongs to nobody")
	assert.True(t, v.has(v.owner("")))

	moved := v.with(slot, "b")
	assert.Equal(t, "b", moved.owner("{06S}"))
	assert.Equal(t, "a", v.owner("{06S}"), "the view in use stays as it is")
	assert.False(t, v.equal(moved))
	assert.Same(t, moved, moved.with(slot, "b"))
	assert.Equal(t, "d", v.with(slot, "d").owner("{06S}"))

	other := fromTopo(radix.ClusterTopo{topo[1], topo[0]})
	assert.Equal(t, []string{"b", "a"}, other.primaries)
	assert.True(t, v.equal(other), "whatever their numbers are")
	assert.False(t, v.equal(fromTopo(topo[:1])))
	assert.False(t, single("a").equal(single("b")))
}

func TestRedirection(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		slot int
		addr string
		ok   bool
	}{
		"MOVED 3999 127.0.0.1:6381":                     {3999, "127.0.0.1:6381", true},
		"waiting for response: MOVED 1 [::1]:7":         {1, "[::1]:7", true},
		"MOVED 1 2001:db8::1:7":                         {1, "[2001:db8::1]:7", true},
		"MOVED 3999 :6381":                              {},
		"MOVED 16384 a:1":                               {},
		"MOVED":                                         {},
		"ASK 3999 127.0.0.1:6381":                       {},
		"READONLY You can't write against a read only…": {},
	}
	for text, want := range tests {
		slot, addr, ok := redirection(errors.New(text))
		assert.Equal(t, want.ok, ok, text)
		assert.Equal(t, want.slot, slot, text)
		assert.Equal(t, want.addr, addr, text)
	}
}
