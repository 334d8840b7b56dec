package main

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/tailrace/tailrace/project"
)

var wantLine = regexp.MustCompile(`^([a-z-]+) (\S.*)$`)

// diagnosticsPage lists every code with a message of its bad file.
func diagnosticsPage(root string) (string, error) {
	examples, err := badFileMessages(filepath.Join(root, "project", "testdata"))
	if err != nil {
		return "", err
	}
	p := newPage("Diagnostics", "What `tailrace validate` can say of a project's files. An error keeps the project from being published; a "+
		"warning doesn't. Each example is the message that a file of the tests really gets.")
	all := project.Codes()
	names := make([]string, 0, len(all))
	for c := range all {
		names = append(names, string(c))
	}
	slices.Sort(names)
	for _, name := range names {
		p.heading(2, name)
		p.line("%s.", all[project.Code(name)])
		if example := examples[name]; example != "" {
			p.line("\n```text\n%s\n```", example)
		}
	}
	return p.String(), nil
}

// badFileMessages returns the first message that bad files expect for each code.
// The file that carries the code's name is asked first.
func badFileMessages(dir string) (map[string]string, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.bad.txtar"))
	if err != nil {
		return nil, fmt.Errorf("finding bad files: %w", err)
	}
	out := map[string]string{}
	own := map[string]bool{}
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			return nil, fmt.Errorf("reading a bad file: %w", err)
		}
		named := strings.TrimSuffix(filepath.Base(path), ".bad.txtar")
		for _, f := range archive.Files {
			if f.Name != "want" {
				continue
			}
			for line := range strings.Lines(string(f.Data)) {
				m := wantLine.FindStringSubmatch(strings.TrimSpace(line))
				if m == nil || own[m[1]] || (out[m[1]] != "" && named != m[1]) {
					continue
				}
				out[m[1]], own[m[1]] = m[2], named == m[1]
			}
		}
	}
	return out, nil
}
