// Chaosworker is the process under test of package chaos: an engine with producers or workers, which writes down each call
// and what became of it. It is told what to do by its environment, and when to stop by its standard input.
package main

import (
	"fmt"
	"os"

	"github.com/thoonk-go/thoonk/internal/chaos/load"
)

func main() {
	if err := load.Run(os.Getenv(load.Env), os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "chaosworker:", err)
		os.Exit(1)
	}
}
