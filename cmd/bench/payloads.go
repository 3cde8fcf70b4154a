package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
)

// payloads are the items that scenarios use, again and again.
type payloads struct {
	items [][]byte
	size  int // the mean
}

// variety is how many different items are made without -input.
const variety = 64

// makePayloads makes items of size bytes, or reads the lines of a file.
func makePayloads(size int, input string) (*payloads, error) {
	p := &payloads{size: size}
	if input != "" {
		return readPayloads(input)
	}
	random := rand.New(rand.NewPCG(1, 2)) // the same in every invocation
	for range variety {
		b := make([]byte, size/2+1)
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		p.items = append(p.items, []byte(hex.EncodeToString(b))[:size])
	}
	return p, nil
}

func readPayloads(path string) (*payloads, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("-input: %w", err)
	}
	p := &payloads{}
	total := 0
	for line := range bytes.Lines(data) {
		if line = bytes.TrimRight(line, "\r\n"); len(line) > 0 {
			p.items = append(p.items, line[:len(line):len(line)])
			total += len(line)
		}
	}
	if len(p.items) == 0 {
		return nil, fmt.Errorf("-input: %s has no lines", path)
	}
	p.size = total / len(p.items)
	return p, nil
}

// at is the item of that number; they repeat.
func (p *payloads) at(i int) []byte { return p.items[uint(i)%uint(len(p.items))] }

// of spreads the items of many callers over all there are.
func (p *payloads) of(caller, n int) []byte { return p.at(caller*7919 + n) }

// strings are all items, for clients that take strings.
func (p *payloads) strings() []string {
	out := make([]string, len(p.items))
	for i, b := range p.items {
		out[i] = string(b)
	}
	return out
}
