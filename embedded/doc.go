// Package embedded is an in-process Redis: for trying the engine out without installing anything, and for tests of
// programs that use it.
//
//	srv, err := embedded.Start()
//	if err != nil { … }
//	defer srv.Close()
//	eng, err := engine.Open(ctx, engine.Config{URL: srv.URL()})
//
// It is miniredis behind a TCP port of 127.0.0.1. Feeds, queues, sorted feeds, jobs and subscriptions work on it as on
// Redis, so what a program does with the engine can be tried and tested here. It is no server for production:
//
//   - Nothing is kept. The data lives in this process and ends with Close; there is one database process, no replicas,
//     no password, no access control, no limit on memory.
//   - It is slower: a script costs about three times as much as in Redis, and everything runs under one lock.
//   - A subscriber that does not read stops the whole server: messages are handed over while the lock is held.
//   - Keys expire in steps of 20 ms (longer with very many keys), so up to a step early or late.
//
// # Where it differs from Redis
//
// Missing: INFO other than clients and stats (so no uptime, no commandstats), CLIENT other than SETNAME and GETNAME (no
// ID, KILL, LIST, PAUSE), CONFIG, ROLE, RESET, ACL, DEBUG, FUNCTION, MONITOR, SHUTDOWN, BLMPOP, SORT, LCS, OBJECT
// ENCODING, sharded pub/sub, and for scripts cmsgpack, bit, struct and redis.REDIS_VERSION.
//
// Commands: SCAN, HSCAN, SSCAN and ZSCAN ignore COUNT and answer with everything. Blocked pops are not served in the
// order of their arrival, and one over several keys takes the first of its own keys that has something, not the one
// that was pushed to first. EXEC after an unknown command runs the rest instead of EXECABORT. WATCH does not notice ZREM
// and HDEL, unless they take the last member: programs that end jobs by WATCH can end one twice. SELECT takes any number.
// Scores are printed with the fewest digits that mean the same number. CLUSTER SLOTS answers as a cluster of one.
//
// Pub/sub: a subscriber whose patterns match a message several times gets it once for all of them, and there is no
// order between messages that come through channels and through patterns.
//
// Scripts: unpack fails above about 5,100 values instead of 8,000. A number that is not whole is printed differently by
// tostring and as an argument of redis.call: use string.format, which in turn does not take strings for %f and %d, so
// tonumber first. An error that a script does not catch arrives as "ERR Error compiling script …" with the original
// inside. A blocking command inside of a script really blocks, and for ever: the server hangs. A script that returns a
// function ends the program.
package embedded
