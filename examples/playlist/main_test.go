package main

import (
	"context"
	"fmt"
	"os"
)

func Example() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// snapshot 1            Blue Monday
	// synced                Blue Monday
	// published 2 last      Blue Monday, Heroes
	// published 3 before 2  Blue Monday, Atlantis, Heroes
	// moved 1 last          Atlantis, Heroes, Blue Monday
	// edited 2              Atlantis, Helden, Blue Monday
	// retracted 3           Helden, Blue Monday
	// 2. Helden
	// 1. Blue Monday
}
