package report

import (
	"encoding/json"
	"io"
)

// A Report is everything of one invocation.
type Report struct {
	Env     Env      `json:"env"`
	Results []Result `json:"results"`

	// Summary has the medians of several rounds; absent with one.
	Summary []Summary `json:"summary,omitempty"`
}

// Env is where and how the figures were made.
type Env struct {
	Go         string `json:"go"`
	GOMAXPROCS int    `json:"gomaxprocs"`
	CPU        string `json:"cpu"`
	Cores      int    `json:"cores"`
	OS         string `json:"os"`
	Server     string `json:"server"` // redis, embedded or url
	Redis      string `json:"redis"`  // the server's version
	Date       string `json:"date"`
	Commit     string `json:"commit,omitempty"` // of this program, if the build knows it

	// Versions are those of what else took part: radix, asynq, bullmq.
	Versions map[string]string `json:"versions,omitempty"`

	Flags map[string]string `json:"flags"` // those that were given, and the duration of a run

	Command string `json:"command"` // the whole command line
}

// WriteJSON writes the report, indented.
func (r *Report) WriteJSON(w io.Writer) error {
	if r.Results == nil {
		r.Results = []Result{} // [] rather than null
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(r)
}
