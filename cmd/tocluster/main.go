// Command tocluster copies all names of a server, or of a primary that sentinels watch, to a cluster, where X is {X}
// (contract 8).
//
//	go run ./cmd/tocluster -from redis://old:6379/0 -to redis+cluster://a:6379,b:6379
//
// Nothing may write to either of them meanwhile: stop the programs first, and start them again with the new URL. The
// source stays as it is. Keys that only mean something to engines that run (contract 7: feed.done, feed.answers, feed.taken,
// feed.maintenance, feed.waiters, feed.wake) are not copied. A key that is at the target already is an error, unless
// -replace is given: then it is overwritten, so that a copy that was interrupted can be repeated.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/spf13/pflag"
)

func main() {
	flags := pflag.NewFlagSet("tocluster", pflag.ExitOnError)
	from := flags.String("from", "", "`URL` of the server to copy from")
	to := flags.String("to", "", "`URL` of the cluster to copy to")
	replace := flags.Bool("replace", false, "overwrite keys that are there")
	args := os.Args[1:]
	for i, a := range args {
		if len(a) > 2 && a[0] == '-' && a[1] != '-' {
			args[i] = "-" + a // one dash will do
		}
	}
	_ = flags.Parse(args) // it exits
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	done, err := run(ctx, *from, *to, *replace)
	fmt.Printf("%d names, %d keys copied\n", done.names, done.keys)
	if err != nil {
		fmt.Fprintln(os.Stderr, "tocluster:", err)
		os.Exit(1)
	}
}
