package main

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// results are metrics by benchmark and unit.
type results map[string]map[string]float64

// suffix is the number of processors that go test appends to a name.
var suffix = regexp.MustCompile(`-\d+$`)

// read takes the lines of `go test -bench`: a name, how often it ran, then pairs
// of a value and its unit. A failed package is an error.
func read(in io.Reader) (results, error) {
	out := results{}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) > 1 && (words[0] == "FAIL" || words[0] == "---" && words[1] == "FAIL:") {
			return nil, fmt.Errorf("a benchmark failed: %s", lines.Text())
		}
		if len(words) < 4 || !strings.HasPrefix(words[0], "Benchmark") {
			continue
		}
		name := suffix.ReplaceAllString(strings.TrimPrefix(words[0], "Benchmark"), "")
		out[name] = map[string]float64{}
		for i := 2; i+1 < len(words); i += 2 {
			value, err := strconv.ParseFloat(words[i], 64)
			if err != nil {
				return nil, fmt.Errorf("reading %s: %w", name, err)
			}
			out[name][words[i+1]] = value
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading benchmarks: %w", err)
	}
	return out, nil
}
