package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/thoonk-go/thoonk/cmd/bench/internal/driver"
	"github.com/thoonk-go/thoonk/cmd/bench/internal/report"
)

// about is where and how the figures were made.
func (o *options) about(srv *server, args []string, drives map[string]driver.Hello) report.Env {
	d := o.d
	if len(o.parts) > 0 { // -report: all of them have the same
		d = o.parts[0].d
	}
	env := report.Env{
		Go:         runtime.Version(),
		GOMAXPROCS: runtime.GOMAXPROCS(0),
		CPU:        cpuModel(),
		Cores:      runtime.NumCPU(),
		Versions:   versions(drives),
		OS:         runtime.GOOS + "/" + runtime.GOARCH,
		Server:     srv.kind,
		Redis:      srv.version,
		Date:       time.Now().UTC().Format(time.RFC3339),
		Commit:     commit(),
		Flags:      map[string]string{"duration": d.String()},
		Command:    strings.TrimSpace("go run ./cmd/bench " + strings.Join(hidePassword(args), " ")),
	}
	o.set.Visit(func(f *pflag.Flag) { env.Flags[f.Name] = hideIn(f.Value.String()) })
	return env
}

// versions are those of the peers that took part, and of radix.
func versions(drives map[string]driver.Hello) map[string]string {
	list := make(map[string]string)
	for name, hello := range drives {
		list[name] = hello.Version + " on " + hello.Runtime
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if strings.HasPrefix(m.Path, "github.com/mediocregopher/radix/") {
				list[report.Radix] = m.Version
			}
		}
	}
	return list
}

// cpuModel is what the processor is called; empty where the system does not say.
func cpuModel() string {
	data, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(data)) {
		if name, model, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(model)
		}
	}
	return ""
}

// commit is the version control's name for what was built, as far as the build knows it.
func commit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	revision, modified := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			modified = "+changes"
		}
	}
	return revision + modified
}

func hidePassword(args []string) []string {
	out := make([]string, len(args))
	for i, arg := range args {
		out[i] = hideIn(arg)
	}
	return out
}

// hideIn leaves out what stands between :// and @, a user and a password.
func hideIn(s string) string {
	before, rest, ok := strings.Cut(s, "://")
	at := strings.LastIndex(rest, "@")
	if !ok || at < 0 {
		return s
	}
	return before + "://…" + rest[at:]
}
