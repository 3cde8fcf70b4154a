// Package pool runs tasks on a bounded number of goroutines: each group of tasks
// has its own limit, and all groups together may have one.
package pool
