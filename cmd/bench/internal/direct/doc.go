// Package direct talks to Redis with as little in between as Go allows: a socket and two buffers. It is the upper limit
// that the load tester compares with, and what it reads the server's own figures with.
package direct
