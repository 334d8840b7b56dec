package project

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// bundleFormat is the version of the form below.
const bundleFormat = 1

type bundle struct {
	Format int          `json:"format"`
	Files  []bundleFile `json:"files"`
}

type bundleFile struct {
	Path string `json:"path"`
	Text string `json:"text"`
}

// Bundle returns the project's files as JSON, the same bytes for the same files.
// References stay references: no value of an environment is in it.
func (p *Project) Bundle() []byte {
	b := bundle{Format: bundleFormat, Files: []bundleFile{}}
	for _, name := range sortedKeys(p.files) {
		b.Files = append(b.Files, bundleFile{name, p.files[name]})
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(b); err != nil {
		// Strings and a number can't fail to encode.
		panic(fmt.Sprintf("encoding a bundle: %v", err))
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

// Files returns the project's files as they were read: text by path.
func (p *Project) Files() map[string]string {
	out := make(map[string]string, len(p.files))
	for name, text := range p.files {
		out[name] = text
	}
	return out
}

func hashOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// FromBundle makes the project of a bundle that [Project.Bundle] wrote, with
// references resolved by env (nil is the process's environment). It fails as
// [Load] does, and with the same diagnostics. A bundle that this binary can't
// read is an error of its own.
func FromBundle(raw []byte, env func(string) (string, bool)) (*Project, Diagnostics, error) {
	var b bundle
	if err := json.Unmarshal(raw, &b); err != nil {
		return nil, nil, fmt.Errorf("reading a project bundle: %w", err)
	}
	if b.Format != bundleFormat {
		return nil, nil, fmt.Errorf("reading a project bundle: format %d, this binary reads %d", b.Format, bundleFormat)
	}
	files := make(map[string]string, len(b.Files))
	for _, f := range b.Files {
		files[f.Path] = f.Text
	}
	p, out := build(files, env, nil)
	return p, out, nil
}
