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

// NewID returns a generated id: a random UUID (version 4) as 32 hex digits (contract
// 1). The randomness is the runtime's ChaCha8, seeded by the operating system, which
// has no lock: ids have to be unique, not secret.
func NewID() string {
	const digits = "0123456789abcdef"
	var u uuid.UUID
	binary.LittleEndian.PutUint64(u[:8], rand.Uint64())
	binary.LittleEndian.PutUint64(u[8:], rand.Uint64())
	u[6] = u[6]&0x0f | 0x40 // version
	u[8] = u[8]&0x3f | 0x80 // variant
	var b [32]byte
	for i, v := range u {
		b[2*i], b[2*i+1] = digits[v>>4], digits[v&15]
	}
	return string(b[:])
}
