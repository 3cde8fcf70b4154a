//go:build !race

package sorted_test

const raced = false
