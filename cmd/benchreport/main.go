package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

func main() {
	if err := run(os.Stdin, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "Error: "+err.Error())
		os.Exit(1)
	}
}

// run reads benchmarks from in and writes the page to the file that args names.
func run(in io.Reader, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: go test -bench … | go run ./cmd/benchreport docs/performance.md")
	}
	found, err := read(io.TeeReader(in, os.Stderr))
	if err != nil {
		return err
	}
	page, err := render(found, thisMachine(time.Now()))
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Clean(args[0]), []byte(page), 0o644); err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	return nil
}
