// Command regsync makes a node know about container registries what one YAML file says.
//
// This package is where everything is put together, and the only one that prints, exits and reads the environment. Each verb
// has a file; pipeline.go is the road from the file to a plan.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

func main() {
	noDump()
	// A run is short and its memory small: collecting garbage four times less often makes it a third faster.
	debug.SetGCPercent(400)
	// A reader of our output that goes away must not end us between two writes to the node.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // whoever asks twice does not want to wait
	code := run(ctx, os.Args[1:], streams{in: os.Stdin, out: os.Stdout, err: os.Stderr}, os.Getenv)
	stop()
	os.Exit(code)
}
