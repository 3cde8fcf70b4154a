package main

import (
	"errors"
	"fmt"
	"os"
	"runtime/pprof"
)

// profile begins the profiles that the flags want. They are of the whole program, filling and checking included.
func (o *options) profile() (end func() error, err error) {
	ends := []func() error{}
	end = func() error {
		var problems []error
		for _, e := range ends {
			problems = append(problems, e())
		}
		return errors.Join(problems...)
	}
	if o.cpuProfile != "" {
		f, err := os.Create(o.cpuProfile)
		if err == nil {
			err = pprof.StartCPUProfile(f)
		}
		if err != nil {
			return end, fmt.Errorf("-cpuprofile: %w", err)
		}
		ends = append(ends, func() error {
			pprof.StopCPUProfile()
			return f.Close()
		})
	}
	if o.memProfile != "" {
		f, err := os.Create(o.memProfile)
		if err != nil {
			return end, errors.Join(fmt.Errorf("-memprofile: %w", err), end())
		}
		ends = append(ends, func() error { return errors.Join(pprof.Lookup("allocs").WriteTo(f, 0), f.Close()) })
	}
	return end, nil
}
