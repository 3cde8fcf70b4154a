package topology

import (
	"math/rand/v2"
	"slices"

	"github.com/mediocregopher/radix/v4"
)

// slotCount is how many hash slots a cluster has.
const slotCount = 16384

// A view is who serves what. It is never changed once it is in use.
type view struct {
	primaries []string // addresses
	slots     []uint16 // of a cluster: for each slot the number of its primary, from 1; 0: nobody serves it
}

// single is the view of one server, or of one primary.
func single(addr string) *view { return &view{primaries: []string{addr}} }

// fromTopo is the view of a cluster as CLUSTER SLOTS tells it.
func fromTopo(topo radix.ClusterTopo) *view {
	v := &view{slots: make([]uint16, slotCount)}
	for _, node := range topo.Primaries() {
		v.primaries = append(v.primaries, node.Addr)
		for _, r := range node.Slots {
			for slot := r[0]; slot < r[1]; slot++ {
				v.slots[slot] = uint16(len(v.primaries))
			}
		}
	}
	return v
}

// owner is the address of the node that serves a key; empty: nobody does. Without a key it is any primary.
func (v *view) owner(key string) string {
	switch {
	case v.slots == nil:
		return v.primaries[0]
	case key == "":
		return v.primaries[rand.N(len(v.primaries))]
	}
	if n := v.slots[radix.ClusterSlot([]byte(key))]; n > 0 {
		return v.primaries[n-1]
	}
	return ""
}

// with is the view after one slot has gone to an address.
func (v *view) with(slot int, addr string) *view {
	i := slices.Index(v.primaries, addr)
	if i >= 0 && int(v.slots[slot]) == i+1 {
		return v
	}
	w := &view{primaries: slices.Clone(v.primaries), slots: slices.Clone(v.slots)}
	if i < 0 {
		i = len(w.primaries)
		w.primaries = append(w.primaries, addr)
	}
	w.slots[slot] = uint16(i + 1)
	return w
}

func (v *view) has(addr string) bool { return slices.Contains(v.primaries, addr) }

// equal reports whether both have the same primaries, and every slot the same owner in both.
func (v *view) equal(w *view) bool {
	if v == w || slices.Equal(v.primaries, w.primaries) && slices.Equal(v.slots, w.slots) {
		return true
	}
	if len(v.primaries) != len(w.primaries) || len(v.slots) != len(w.slots) {
		return false
	}
	to := make([]uint16, len(v.primaries)+1) // the numbers of w's primaries in v
	for i, addr := range v.primaries {
		to[i+1] = uint16(slices.Index(w.primaries, addr) + 1)
	}
	return !slices.Contains(to[1:], 0) && slices.EqualFunc(v.slots, w.slots, func(a, b uint16) bool { return to[a] == b })
}
