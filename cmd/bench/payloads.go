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
	texts []string // the same, for clients that take strings
	size  int      // the mean
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
		p.add([]byte(hex.EncodeToString(b))[:size])
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
			p.add(line[:len(line):len(line)])
			total += len(line)
		}
	}
	if len(p.items) == 0 {
		return nil, fmt.Errorf("-input: %s has no lines", path)
	}
	p.size = total / len(p.items)
	return p, nil
}

func (p *payloads) add(item []byte) {
	p.items = append(p.items, item)
	p.texts = append(p.texts, string(item))
}

// at is the item of that number; they repeat.
func (p *payloads) at(i int) []byte { return p.items[uint(i)%uint(len(p.items))] }

// textAt is at as a string.
func (p *payloads) textAt(i int) string { return p.texts[uint(i)%uint(len(p.texts))] }

// spread is a number for call n of a caller, so that callers use different items at a time.
func spread(caller, n int) int { return caller*104729 + n*7919 }
