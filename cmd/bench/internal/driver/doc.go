// Package driver runs another system in a process of its own and talks to it in lines of JSON, on its stdin and stdout:
// a job queue in any language is measured by the same scenarios, and its processor time is its own.
//
// The first line is a Setup and is answered with a Hello. Then each Request, one at a time, is answered with a Reply.
// The end of stdin ends the driver. Start is our side of it; a driver in Go has Serve.
package driver
