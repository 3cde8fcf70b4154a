package contract

import (
	"bytes"
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

// NewID returns a generated id: a random UUID as 32 hex digits (contract 1).
func NewID() string {
	const digits = "0123456789abcdef"
	u := uuid.New()
	var b [32]byte
	for i, v := range u {
		b[2*i], b[2*i+1] = digits[v>>4], digits[v&15]
	}
	return string(b[:])
}
