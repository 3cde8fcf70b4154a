package sorted

import (
	"bytes"
	"testing"

	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/pubsubhub"
)

// Whatever peers publish on the channels: each message becomes one event, but for
// those that are one half of another, and none is held back for ever.
func FuzzEvents(f *testing.F) {
	f.Add([]byte("1\x00item\n1\x00:end\n"), []byte{0, 2}, true)
	f.Add([]byte("1\x00item\n2\x00begin:\n"), []byte{0, 2}, false)
	f.Add([]byte("18446744073709551615\x00x\n1\x00y\n"), []byte{0, 0}, true)
	f.Add([]byte("\x00\n\n:\n\xff\x00\xff\n-1\x00:1:\n"), []byte{0, 1, 2, 3, 4}, true)
	f.Fuzz(func(t *testing.T, payloads, kinds []byte, synced bool) {
		channels := []contract.Key{contract.Publish, contract.Edit, contract.Position, contract.Retract, contract.DelFeed}
		s := sorter{synced: synced}
		in, out, halves := 0, 0, 0
		count := func(list []Event) {
			for _, e := range list {
				out++
				if e.Kind == Published { // with its position, as a rule
					halves++
				}
			}
		}
		for i, p := range bytes.Split(payloads, []byte("\n")) {
			if len(kinds) == 0 {
				break
			}
			channel := channels[int(kinds[i%len(kinds)])%len(channels)].Of("x")
			m := pubsubhub.Event{Message: pubsubhub.Message{Channel: channel, Payload: p}}
			if e, ok := message(m); ok {
				in++
				count(s.add(e))
			}
		}
		count(s.flush())
		if in > out+halves || out > in {
			t.Errorf("%d messages, %d events, %d of up to two messages", in, out, halves)
		}
	})
}
