package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// thisMachine says where and when the figures were taken. The load is the
// average of the last 15 minutes, which spans the run.
func thisMachine(now time.Time) string {
	out := fmt.Sprintf("%s, %s/%s, %d cores, %s", now.UTC().Format(time.DateOnly), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
	if model := field("/proc/cpuinfo", "model name"); model != "" {
		out += ", " + model
	}
	if memory := field("/proc/meminfo", "MemTotal"); memory != "" {
		out += ", memory " + memory
	}
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		if words := strings.Fields(string(load)); len(words) > 2 {
			out += ", load average " + words[2] + " (15 minutes)"
			if load, err := strconv.ParseFloat(words[2], 64); err == nil && load > float64(runtime.NumCPU())+1 {
				out += ". **Other work kept the machine busy meanwhile**, so what is compared with seconds, and not with a limit of the same run, tells of that too"
			}
		}
	}
	return out + "."
}

// field is the first value of a name in a file of `name: value` lines, "" where the system has none.
func field(file, name string) string {
	raw, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(raw)) {
		key, value, found := strings.Cut(line, ":")
		if found && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
