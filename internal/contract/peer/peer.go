package peer

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/thoonk-go/thoonk/internal/contract"
)

// What became of an operation that changed nothing.
var (
	ErrExists     = errors.New("peer: exists")
	ErrNoSuchName = errors.New("peer: no such name")
	ErrWrongType  = errors.New("peer: wrong type")
	ErrNotFound   = errors.New("peer: not found")
	ErrNotClaimed = errors.New("peer: not claimed by this peer")
	ErrNotStalled = errors.New("peer: not stalled")
	ErrEmpty      = errors.New("peer: empty")
	ErrInvalid    = errors.New("peer: invalid configuration")
	// ErrBroken: thoonk.py fails here with an error of its own.
	ErrBroken = errors.New("peer: broken")
)

// A Dialect is whose commands a peer sends.
type Dialect int

// The dialects.
const (
	Contract Dialect = iota // as docs/CONTRACT.md has it
	ThoonkPy                // as thoonk.py does
)

// Faults are what peers are known to do wrong.
type Faults struct {
	Seconds         bool // scores of a feed are seconds, whatever is there already
	RetractUnknown  bool // a retraction of what is not there is announced
	RetryAnything   bool // a retry does not ask whether the job is stalled, and dates it in seconds
	ItemsWithoutIDs bool // a put stores the item and not the id
	SwapPublishEdit bool // new items are announced as edited, and edited ones as published
	NoConffeed      bool // configurations change without a word
	NewfeedFirst    bool // a name is announced before its configuration is there
}

// Config says what kind of peer one is.
type Config struct {
	Dialect  Dialect
	Faults   Faults
	Instance string // in messages about names; defaults to a generated one
}

// A Do sends one command and returns its reply: a string, an int64, nil, or []any of these and of errors.
type Do func(args ...any) (reply any, err error)

// A Peer is one peer. After an error of the connection it has to be thrown away.
type Peer struct {
	Faults Faults

	do       Do
	py       bool
	instance string
	claims   map[string]string // key of the job set and id → score, of what this peer has claimed
}

// New returns a peer that sends its commands with do: one connection, to itself.
func New(do Do, cfg Config) *Peer {
	if cfg.Instance == "" {
		cfg.Instance = contract.NewID()
	}
	return &Peer{Faults: cfg.Faults, do: do, py: cfg.Dialect == ThoonkPy, instance: cfg.Instance, claims: map[string]string{}}
}

// A command is its words.
type command []any

func cmd(words ...any) command { return words }

// send sends a command whose reply does not matter.
func (p *Peer) send(words ...any) error {
	_, err := p.do(words...)
	return err
}

// number sends a command that answers with a number; nil is -1.
func (p *Peer) number(words ...any) (int64, error) {
	reply, err := p.do(words...)
	if err != nil {
		return 0, err
	}
	switch v := reply.(type) {
	case int64:
		return v, nil
	case nil:
		return -1, nil
	}
	return 0, fmt.Errorf("peer: %v: not a number", words[0])
}

// text sends a command that answers with a string; false: there is none.
func (p *Peer) text(words ...any) (string, bool, error) {
	reply, err := p.do(words...)
	s, ok := reply.(string)
	return s, ok && err == nil, err
}

// list sends a command that answers with a list of strings.
func (p *Peer) list(words ...any) ([]string, error) {
	reply, err := p.do(words...)
	if err != nil {
		return nil, err
	}
	return texts(reply), nil
}

func texts(reply any) []string {
	elements, _ := reply.([]any)
	list := make([]string, 0, len(elements))
	for _, e := range elements {
		s, _ := e.(string)
		list = append(list, s)
	}
	return list
}

// atomic watches keys, has plan read what it needs and decide what to do, and does that in one step; all of it again when
// somebody changed a key in between. What plan refuses is not done. (thoonk.py sends an empty transaction then.)
func (p *Peer) atomic(watch []any, plan func() ([]command, error)) ([]any, error) {
	for {
		if len(watch) > 0 {
			if err := p.send(append([]any{"WATCH"}, watch...)...); err != nil {
				return nil, err
			}
		}
		todo, refusal := plan()
		if refusal != nil && (!p.py || errors.Is(refusal, ErrBroken)) {
			return nil, or(p.send("UNWATCH"), refusal)
		}
		if err := p.send("MULTI"); err != nil {
			return nil, err
		}
		for _, c := range todo {
			if err := p.send(c...); err != nil {
				return nil, err
			}
		}
		reply, err := p.do("EXEC")
		if err != nil {
			return nil, err
		}
		if refusal != nil {
			return nil, refusal
		}
		if results, ok := reply.([]any); ok {
			for _, r := range results {
				if err, failed := r.(error); failed {
					return nil, err
				}
			}
			return results, nil
		}
	}
}

// now is Redis' clock, in milliseconds with microseconds behind the point.
func (p *Peer) now() (float64, error) {
	t, err := p.list("TIME")
	if err != nil || len(t) != 2 {
		return 0, errors.Join(err, errors.New("peer: no time"))
	}
	s, err := strconv.ParseInt(t[0], 10, 64)
	if err != nil {
		return 0, err
	}
	us, err := strconv.ParseInt(t[1], 10, 64)
	return float64(s)*1000 + float64(us)/1000, err
}

// stamp is now for scores that nobody else sorts between: of jobs.
func (p *Peer) stamp() (string, error) {
	now, err := p.now()
	return strconv.FormatInt(int64(now), 10), err
}

// seconds is now as thoonk.py's feeds and retries write it.
func (p *Peer) seconds() (string, error) {
	now, err := p.now()
	return strconv.FormatFloat(now/1000, 'f', 6, 64), err
}
