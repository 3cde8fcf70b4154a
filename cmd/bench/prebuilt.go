package main

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/thoonk-go/thoonk/internal/contract"
	"github.com/thoonk-go/thoonk/internal/wire"
)

// prebuilt are calls of batchItems groups, each of which has a generated id. The ids are written over before each use,
// so that every item is new: 16 random digits for the run, 12 for the call, 4 for the item. So are the commands' numbers,
// if they have any.
type prebuilt struct {
	payloads *payloads
	calls    [][]byte
	ids      [][]int // where the call's digits begin
	numbers  [][]int // where commands' numbers begin
}

// newPrebuilt builds enough calls for every payload to be in one, 64 at most; group appends the arguments of group i.
func newPrebuilt(s *wire.Script, name string, p *payloads, group func(args wire.Args, i int, id string, body []byte) wire.Args) *prebuilt {
	b := &prebuilt{payloads: p}
	run := contract.NewID()[:16]
	for c := range min(64, (len(p.items)+batchItems-1)/batchItems) {
		args := wire.NewArgs(4*batchItems, batchItems*(32+p.size))
		for i := range batchItems {
			args = group(args, i, fmt.Sprintf("%s%012x%04x", run, 0, i), p.at(c*batchItems+i))
		}
		call := s.AppendCall(nil, name, batchItems, args)
		var ids []int
		for i := range batchItems {
			at := bytes.Index(call, fmt.Appendf(nil, "%s%012x%04x", run, 0, i))
			ids = append(ids, at+len(run))
		}
		b.calls, b.ids, b.numbers = append(b.calls, call), append(b.ids, ids), append(b.numbers, numbersAt(call))
	}
	return b
}

// next is call i with fresh ids and its number.
func (b *prebuilt) next(i int64) []byte {
	const hex = "0123456789abcdef"
	var digits [12]byte
	for d, v := 11, uint64(i); d >= 0; d, v = d-1, v>>4 {
		digits[d] = hex[v&15]
	}
	which := b.which(i)
	call := b.calls[which]
	for _, at := range b.ids[which] {
		copy(call[at:at+12], digits[:])
	}
	for n, at := range b.numbers[which] {
		setNumber(call, at, i*batchItems+int64(n))
	}
	return call
}

func (b *prebuilt) which(i int64) int { return int(i % int64(len(b.calls))) }

// body is that of item seq, where call i has the items from i*batchItems on.
func (b *prebuilt) body(seq int64) []byte {
	return b.payloads.at(b.which(seq/batchItems)*batchItems + int(seq%batchItems))
}

// seq is the number of the item with that id; -1 if it is none of ours.
func (b *prebuilt) seq(id string) int64 {
	if len(id) != 32 {
		return -1
	}
	call, err1 := strconv.ParseUint(id[16:28], 16, 64)
	item, err2 := strconv.ParseUint(id[28:], 16, 64)
	if err1 != nil || err2 != nil || item >= batchItems {
		return -1
	}
	return int64(call*batchItems + item)
}

// singleCall is a call of a script whose groups have no fixed size, with n arguments.
func singleCall(s *wire.Script, name string, n int, args wire.Args) []byte {
	head, rest, _ := bytes.Cut(s.AppendCall(nil, name, 0, args), []byte("\r\n"))
	without, _ := strconv.Atoi(string(head[1:])) // *N
	return append(fmt.Appendf(nil, "*%d\r\n", without+n), rest...)
}

// numbersAt is where the digits begin for which wire.Args.Number made room.
func numbersAt(call []byte) (list []int) {
	room := wire.NewArgs(1, 0).Number()
	for from := 0; ; {
		at := bytes.Index(call[from:], room)
		if at < 0 {
			return list
		}
		list = append(list, from+at+len("$16\r\n"))
		from += at + len(room)
	}
}

// setNumber writes n, counted from 1, where a number begins.
func setNumber(call []byte, at int, n int64) {
	digits := call[at : at+16]
	for d, v := 15, n+1; d >= 0; d, v = d-1, v/10 {
		digits[d] = byte('0' + v%10)
	}
}
