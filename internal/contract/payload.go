package contract

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"strings"

	"github.com/google/uuid"
)

// SplitPayload splits a message's payload at its first NUL: an id and the rest,
// or a name and an engine's instance. Without a NUL the second part is empty.
// The rest shares p's memory.
func SplitPayload(p []byte) (id string, rest []byte) {
	head, rest, _ := bytes.Cut(p, []byte{0})
	return string(head), rest
}

// SplitChannel splits a channel into its kind and the name: everything after
// the first colon. False means that the channel has no colon.
func SplitChannel(channel string) (kind Key, name string, ok bool) {
	i := strings.IndexByte(channel, ':')
	if i < 0 {
		return "", "", false
	}
	return Key(channel[:i+1]), channel[i+1:], true
}

// NewID returns a generated id: a random UUID as 32 hex digits (contract 1). The
// randomness is the runtime's ChaCha8, seeded by the operating system: ids have to
// be unique, not secret.
func NewID() string {
	const digits = "0123456789abcdef"
	u, err := uuid.NewRandomFromReader(random{})
	if err != nil {
		panic(err) // random never fails
	}
	var b [32]byte
	for i, v := range u {
		b[2*i], b[2*i+1] = digits[v>>4], digits[v&15]
	}
	return string(b[:])
}

// random reads from the runtime's generator, which has no lock.
type random struct{}

func (random) Read(p []byte) (int, error) {
	for i := 0; i < len(p); i += 8 {
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], rand.Uint64())
		copy(p[i:], b[:])
	}
	return len(p), nil
}
