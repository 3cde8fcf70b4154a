package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"

	"github.com/thoonk-go/thoonk/internal/contract"
)

// payloads are the items that scenarios use, again and again.
type payloads struct {
	items [][]byte
	texts []string // the same, for clients that take strings
	size  int      // the mean
}

// How many different items there are.
const (
	variety      = 64        // without -input, if they are not too large
	varietyBytes = 64 << 20  // of them together
	inputBytes   = 256 << 20 // of a file
)

// payloadsOf is what makes payloads differ.
type payloadsOf struct {
	size  int
	input string
}

// makePayloads makes those of all runs. Runs that have the same share them.
func (o *options) makePayloads(made map[payloadsOf]*payloads) (err error) {
	others := slices.Concat(o.parts, slices.Concat(o.lines...))
	for _, other := range others {
		if err := other.makePayloads(made); err != nil {
			return err
		}
	}
	of := payloadsOf{o.size, o.input}
	if len(others) == 0 && made[of] == nil {
		made[of], err = makePayloads(o.size, o.input)
	}
	o.payloads = made[of]
	return err
}

// makePayloads makes items of size bytes, or reads the lines of a file.
func makePayloads(size int, input string) (*payloads, error) {
	p := &payloads{size: size}
	if input != "" {
		return readPayloads(input)
	}
	random := rand.New(rand.NewPCG(1, 2)) // the same in every invocation
	for range max(1, min(variety, varietyBytes/size)) {
		b := make([]byte, size/2+1)
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		p.add([]byte(hex.EncodeToString(b))[:size])
	}
	return p, nil
}

func readPayloads(path string) (*payloads, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("-input: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, inputBytes+1))
	if err != nil {
		return nil, fmt.Errorf("-input: %w", err)
	}
	if len(data) > inputBytes {
		return nil, fmt.Errorf("-input: %s has more than %d bytes", path, inputBytes)
	}
	p := &payloads{}
	total, number := 0, 0
	for line := range bytes.Lines(data) {
		number++
		if line = bytes.TrimRight(line, "\r\n"); len(line) > 0 {
			if err := contract.CheckItem(line, contract.DefaultMaxItem); err != nil {
				return nil, fmt.Errorf("-input: line %d of %s: %w", number, path, err)
			}
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
