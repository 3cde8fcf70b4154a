// Package ledger is the record, outside of Redis, of what processes under test have called and what they were told. Each
// process appends to a file of its own, a line per record and one write per line, so that a process that is killed leaves
// all that it has said, and perhaps one call that has begun and not ended.
package ledger

import (
	"encoding/json"
	"os"
	"sync"
	"sync/atomic"
)

// A Record is one line: a call begins, a call ends, or something is noted.
type Record struct {
	At    int64  `json:"t"`           // Now
	Call  int64  `json:"c,omitempty"` // number of the call in its process; 0: a note
	Who   int    `json:"g,omitempty"` // goroutine
	Do    string `json:"do,omitempty"`
	Name  string `json:"x,omitempty"`
	Until int64  `json:"u,omitempty"` // when the call's context ends

	// What is put, or came back.
	IDs    []string `json:"i,omitempty"`
	Bodies []string `json:"b,omitempty"`
	Tokens []string `json:"k,omitempty"`
	Number int64    `json:"n,omitempty"`

	Outcome  string   `json:"o,omitempty"`  // at the end of a call
	Outcomes []string `json:"os,omitempty"` // of each item, of a call with several
	Text     string   `json:"e,omitempty"`  // of an error
}

// Outcomes of calls. Others are answers, such as "not found".
const (
	OK      = "ok"
	NotSent = "not sent"
	Unknown = "unknown"
	Strange = "strange" // an error that says neither, and is no known answer
)

// A Book is a process' ledger, to write. Its methods may be called from several goroutines.
type Book struct {
	mu    sync.Mutex
	file  *os.File
	calls atomic.Int64
}

// Open opens the ledger at path, for appending.
func Open(path string) (*Book, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return &Book{file: f}, nil
}

// Note appends a record. Without a ledger nothing that follows means anything, so it panics.
func (b *Book) Note(r Record) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r.At = Now()
	line, err := json.Marshal(r)
	if err == nil {
		_, err = b.file.Write(append(line, '\n'))
	}
	if err != nil {
		panic(err)
	}
}

// Begin notes that a call begins, and returns its number.
func (b *Book) Begin(r Record) int64 {
	r.Call = b.calls.Add(1)
	b.Note(r)
	return r.Call
}

// End notes how a call ended.
func (b *Book) End(call int64, r Record) {
	r.Call = call
	b.Note(r)
}

// Close closes the file.
func (b *Book) Close() error { return b.file.Close() }
