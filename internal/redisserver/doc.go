// Package redisserver runs a private redis-server process: for tests that kill, pause and restart it, and for the
// load tester. Nothing here knows of the testing package. [StartCluster] and [StartSentinel] run several as one cluster,
// or as a primary with its replicas and sentinels, and do to them what operators and accidents do.
//
//	srv, err := redisserver.Start(ctx, redisserver.Options{})
//	if err != nil { … }
//	defer srv.Stop()
//	conn, err := net.Dial("unix", srv.Socket())
//
// A server listens on a unix socket in a short temporary directory and, if asked, on a port of 127.0.0.1. It keeps
// nothing on disk unless Options.Persist. The process is ended through its own handle, never by name.
//
// What happens if our process dies without Stop: on Linux the kernel ends the server too; elsewhere the server stays,
// and so does its directory everywhere. The kernel's promise hangs on the operating system thread that started the
// process, so each server occupies one goroutine and one thread until it has ended.
//
// A server's process group is its own: Ctrl-C in a terminal reaches us, and we decide when the server ends.
package redisserver
