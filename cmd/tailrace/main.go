package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// version is set by the linker.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := newRoot().ExecuteContext(ctx)
	var exit exitError
	switch {
	case err == nil:
	case errors.As(err, &exit):
		if exit.message != "" {
			fmt.Fprintln(os.Stderr, exit.message)
		}
		os.Exit(exit.code)
	default:
		fmt.Fprintln(os.Stderr, "Error: "+err.Error())
		os.Exit(1)
	}
}

// exitError ends the process with a code; the message, if any, goes to stderr as it is.
type exitError struct {
	code    int
	message string
}

func (e exitError) Error() string { return e.message }
