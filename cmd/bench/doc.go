// Command bench measures Thoonk on this machine.
package main
