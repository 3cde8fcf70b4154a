package ledger

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// A Call is a call from its beginning to its end.
type Call struct {
	Process string
	Record        // as it began, with what came back
	End     int64 // 0: it never ended
}

// Ended reports whether the call came back.
func (c *Call) Ended() bool { return c.End != 0 }

// String tells what is needed to find the call.
func (c *Call) String() string {
	return fmt.Sprintf("%s call %d: %s %s %v = %s %v %s", c.Process, c.Call, c.Do, c.Name, c.Bodies, c.Outcome, c.IDs, c.Text)
}

// A History is what all processes have said.
type History struct {
	Calls []*Call
	Notes []*Call // records that are no calls; End is their time too
}

// Read adds the ledger of one process. What is after the last newline was not written as a whole, and is not there.
func (h *History) Read(process, path string) error {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil // killed before it said anything
	}
	if err != nil {
		return err
	}
	defer f.Close()
	open := map[int64]*Call{}
	lines := bufio.NewReaderSize(f, 1<<20)
	for n := 1; ; n++ {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		var r Record
		if err := json.Unmarshal(line, &r); err != nil {
			return fmt.Errorf("%s line %d: %w", path, n, err)
		}
		switch c := open[r.Call]; {
		case r.Call == 0:
			h.Notes = append(h.Notes, &Call{Process: process, Record: r, End: r.At})
		case c == nil:
			c = &Call{Process: process, Record: r}
			open[r.Call] = c
			h.Calls = append(h.Calls, c)
		default:
			c.end(r)
			delete(open, r.Call)
		}
	}
}

func (c *Call) end(r Record) {
	c.End, c.Outcome, c.Outcomes, c.Text = r.At, r.Outcome, r.Outcomes, r.Text
	if r.IDs != nil {
		c.IDs = r.IDs
	}
	if r.Bodies != nil {
		c.Bodies = r.Bodies
	}
	if r.Tokens != nil {
		c.Tokens = r.Tokens
	}
	if r.Number != 0 {
		c.Number = r.Number
	}
}

// A Counter counts the records of a ledger that grows.
type Counter struct {
	path  string
	file  *os.File
	lines int64
	buf   []byte
}

// Count returns a counter of the ledger at path, which may not be there yet.
func Count(path string) *Counter { return &Counter{path: path, buf: make([]byte, 64<<10)} }

// Records is how many there are by now.
func (c *Counter) Records() int64 {
	if c.file == nil {
		f, err := os.Open(c.path)
		if err != nil {
			return 0
		}
		c.file = f
	}
	for {
		n, err := c.file.Read(c.buf)
		c.lines += int64(bytes.Count(c.buf[:n], []byte{'\n'}))
		if err != nil || n == 0 {
			return c.lines
		}
	}
}

// Close closes the file.
func (c *Counter) Close() {
	if c.file != nil {
		_ = c.file.Close()
	}
}
