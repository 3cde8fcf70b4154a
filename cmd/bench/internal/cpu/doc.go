// Package cpu tells how much processor time this process has used.
package cpu
