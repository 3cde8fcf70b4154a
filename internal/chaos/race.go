//go:build linux && race

package chaos

const race = true
