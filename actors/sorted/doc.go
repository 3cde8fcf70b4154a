// Package sorted is sorted feeds: items in an order that their writers decide, with
// messages for everything that happens to them.
package sorted
