// Package report holds what runs measured, and prints it: a table for people, Markdown for BENCHMARKS.md, JSON for
// programs.
package report
