package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var updateTutorial = flag.Bool("update-tutorial", false, "write what the tutorial's commands print into docs/tutorial.md")

// TestTutorial runs every command of docs/tutorial.md on the real purchase log, beside a server as the page advises, and
// compares what it prints, then counts the audiences and totals from the file itself.
func TestTutorial(t *testing.T) {
	t.Parallel()
	log := sharedFile(t, "data/cdnow.txt")
	server := setup(t, nil)
	require.NoError(t, os.CopyFS(server.project, os.DirFS(filepath.Join("..", "..", "docs", "tutorial"))))
	server.start()
	page := filepath.Join("..", "..", "docs", "tutorial.md")
	raw, err := os.ReadFile(page)
	require.NoError(t, err)
	parts := strings.Split(string(raw), "```console\n")
	commands := 0
	for i, part := range parts[1:] {
		block, rest, ok := strings.Cut(part, "```\n")
		require.True(t, ok)
		var got strings.Builder
		for _, line := range strings.Split(strings.TrimSuffix(block, "\n"), "\n") {
			if command, is := strings.CutPrefix(line, "$ "); is {
				commands++
				got.WriteString(line + "\n" + runTutorial(server, log, command))
			}
		}
		if !*updateTutorial {
			require.Equal(t, block, got.String(), "what the tutorial shows and what its commands print")
		}
		parts[i+1] = got.String() + "```\n" + rest
	}
	require.Greater(t, commands, 10)
	if *updateTutorial {
		require.NoError(t, os.WriteFile(page, []byte(strings.Join(parts, "```console\n")), 0o644))
	}
	for name, members := range countRFM(t, log) {
		out := runTutorial(server, log, fmt.Sprintf("tailrace query 'SELECT count() AS n, toFloat64(sum(spent)) AS spent FROM %s'", name))
		var found struct {
			N     int     `json:"n"`
			Spent float64 `json:"spent"`
		}
		require.NoError(t, json.Unmarshal([]byte(out), &found))
		require.Equal(t, members.n, found.N, name)
		require.InDelta(t, float64(members.cents)/100, found.Spent, 0.005, name)
	}
}

// runTutorial runs one command of the tutorial in a shell and returns what it prints.
func runTutorial(p *process, log, command string) string {
	p.t.Helper()
	cmd := exec.Command("bash", "-c", command)
	cmd.Dir = p.project
	cmd.Env = append(cleanEnv(p.t), "CDNOW="+log, "PATH="+filepath.Dir(binary(p.t))+":"+os.Getenv("PATH"), "TAILRACE_DATA="+p.data)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	require.NoError(p.t, cmd.Run(), "%s\n%s%s", command, out.String(), errs.String())
	return out.String()
}

// sharedFile is a file of the data that lies beside the repository; the test is skipped where it does not.
func sharedFile(t *testing.T, name string) string {
	t.Helper()
	root := os.Getenv("TAILRACE_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared")
	}
	path, err := filepath.Abs(filepath.Join(root, name))
	require.NoError(t, err)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("%s is not here (TAILRACE_SHARED says where it is)", name)
	}
	return path
}

type rfmCount struct{ n, cents int }

// countRFM computes the tutorial's audiences from the file alone, customer by customer.
func countRFM(t *testing.T, path string) map[string]rfmCount {
	t.Helper()
	type customer struct {
		orders, cents int
		last          time.Time
	}
	customers := map[string]*customer{}
	var newest time.Time
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 {
			continue
		}
		day, err := time.Parse("20060102", fields[1])
		require.NoError(t, err)
		dollars, cents, ok := strings.Cut(fields[3], ".")
		require.True(t, ok)
		whole, err := strconv.Atoi(dollars + cents)
		require.NoError(t, err)
		c := customers[fields[0]]
		if c == nil {
			c = &customer{}
			customers[fields[0]] = c
		}
		c.orders++
		c.cents += whole
		if day.After(c.last) {
			c.last = day
		}
		if day.After(newest) {
			newest = day
		}
	}
	require.NoError(t, lines.Err())
	out := map[string]rfmCount{}
	add := func(name string, c *customer) {
		r := out[name]
		out[name] = rfmCount{r.n + 1, r.cents + c.cents}
	}
	for _, c := range customers {
		quiet := int(newest.Sub(c.last).Hours() / 24)
		if quiet <= 90 && c.orders >= 5 && c.cents >= 200_00 {
			add("champions", c)
		}
		if c.orders >= 4 && quiet > 180 {
			add("slipping_away", c)
		}
		if c.orders == 1 && c.cents > 100_00 {
			add("big_single_order", c)
		}
	}
	require.Len(t, out, 3)
	return out
}
