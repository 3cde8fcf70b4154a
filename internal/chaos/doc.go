// Package chaos breaks things, and then holds the engine to its promises. Real processes, producers and workers, call a real
// redis-server through proxies, while a schedule that a seed decides has the processes killed and stopped, connections cut
// and silent, replies lost, the server killed, full, read-only and at another time of day. Every process writes down, outside
// of Redis, each call and what it was told; when all is quiet again the ledgers are held against what is there.
//
//	make chaos SEED=7 FOR=10m
//
// The packages below: ledger is what processes have said, load is what they do, chaosworker their program, audit the promises
// as invariants. None of it is in what users build.
package chaos
