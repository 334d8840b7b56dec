package project

import (
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// ConfigFile marks the folder of a project.
const ConfigFile = "tailrace.yml"

// validName is what files may be called: names become names of tables.
var validName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,99}$`)

// folders are the folders that are read, and the suffix of their files.
var folders = map[string]string{
	"sources": ".yml", "tracking_plans": ".yml", "models": ".sql", "traits": ".sql",
	"audiences": ".sql", "destinations": ".yml", "syncs": ".yml", "tests": ".yml",
}

// Load reads the project in dir. References to secrets and settings are resolved
// with env (nil is the process's environment). Everything that is wrong comes
// back at once; the project then holds what could be read, and is only fit for
// showing. It is never nil.
func Load(dir string, env func(string) (string, bool)) (*Project, Diagnostics) {
	files, problems := readFiles(dir)
	p, out := build(files, env, problems)
	p.Dir = dir
	return p, out
}

// loader gathers what building a project finds.
type loader struct {
	p    *Project
	refs *resolver
	out  Diagnostics
}

// build makes a project of files; problems are those of reading them.
func build(files map[string]string, env func(string) (string, bool), problems Diagnostics) (*Project, Diagnostics) {
	l := &loader{p: &Project{files: files}, refs: newResolver(env), out: problems}
	l.p.Hash = hashOf(l.p.Bundle())
	text, ok := files[ConfigFile]
	if !ok && !l.out.HasErrors() {
		l.fail(CodeNoProject, ConfigFile, Position{}, "tailrace init writes one", "this folder holds no project")
	}
	l.decodeFile(ConfigFile, "tailrace", text, &l.p.Config, &l.p.Config.Origin)
	for _, name := range sortedKeys(files) {
		l.file(name, files[name])
	}
	l.externalModels()
	l.p.sort()
	l.checkExternal()
	l.checkNames()
	l.checkSources()
	l.checkGraph()
	l.checkNoticed()
	l.checkSyncs()
	l.checkPriorities()
	l.checkIncrementals()
	l.checkRenames()
	l.checkUnitTests()
	l.out.Sort()
	return l.p, l.out
}

func (l *loader) file(name, text string) {
	folder, rest, nested := strings.Cut(name, "/")
	suffix, known := folders[folder]
	if !nested || !known {
		return
	}
	base := strings.TrimSuffix(path.Base(rest), suffix)
	switch folder {
	case "sources":
		l.source(name, base, text)
	case "tracking_plans":
		l.trackingPlan(name, base, text)
	case "models":
		l.sqlFile(KindModel, name, base, text)
	case "traits":
		l.sqlFile(KindTrait, name, base, text)
	case "audiences":
		l.sqlFile(KindAudience, name, base, text)
	case "destinations":
		l.destination(name, base, text)
	case "syncs":
		l.sync(name, base, text)
	case "tests":
		l.unitTests(name, base, text)
	}
}

// decodeOption changes how a YAML file is decoded.
type decodeOption func(*decoder, ast.Node)

// withoutReferences leaves ${…} as it is, for files of which $ is a part.
func withoutReferences(d *decoder, _ ast.Node) { d.refs = nil }

// withRest takes the keys that the struct doesn't have, instead of refusing
// them.
func withRest(into map[string]any) decodeOption {
	return func(d *decoder, root ast.Node) {
		pairs, _ := entries(root)
		known := structFields(reflect.TypeFor[Destination]())
		for _, pair := range pairs {
			key, ok := scalarText(pair.Key)
			if _, ours := known[key]; ours || !ok {
				continue
			}
			d.ignored = append(d.ignored, key)
			into[key] = d.setting(pair.Value, key)
		}
	}
}

// decodeFile reads a YAML file into a definition and its origin. ok is false if
// nothing could be made of it.
func (l *loader) decodeFile(name, defName, text string, into any, origin *Origin, opts ...decodeOption) (ok bool) {
	d := &decoder{path: name, refs: l.refs, out: &l.out, pos: newPositions()}
	*origin = Origin{Name: defName, Path: name, Positions: d.pos}
	if name != ConfigFile && !validName.MatchString(defName) {
		l.badName(name, defName)
		return false
	}
	before := len(l.out)
	root := parseYAML(name, text, 0, &l.out)
	if root == nil {
		if len(l.out) == before {
			d.absent(nil, valueOf(into), "")
		}
		return len(l.out) == before
	}
	for _, opt := range opts {
		opt(d, root)
	}
	d.decode(root, valueOf(into), "")
	*origin = Origin{Name: defName, Path: name, Positions: d.pos}
	d.validate(into)
	return true
}

func (l *loader) badName(name, defName string) {
	l.fail(CodeBadName, name, Position{}, "", "%s can't be a name: use letters, digits and underscores, a letter first", defName)
}

func (l *loader) fail(code Code, name string, at Position, hint, format string, args ...any) {
	l.out.add(SeverityError, code, name, at, hint, format, args...)
}

func (l *loader) warn(code Code, name string, at Position, hint, format string, args ...any) {
	l.out.add(SeverityWarning, code, name, at, hint, format, args...)
}

// failedAt reports whether something was already said about a place.
func (l *loader) failedAt(name string, at Position) bool {
	return slices.ContainsFunc(l.out, func(d Diagnostic) bool { return d.Path == name && d.position() == at })
}

var wordPattern = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// checkWord holds categories of consent to one form, since they are compared as
// text.
func (l *loader) checkWord(code Code, name string, at Position, key, word string) {
	if !wordPattern.MatchString(word) {
		l.fail(code, name, at, "", "%s is a word of small letters, digits and underscores, not %q", key, word)
	}
}

func (d *decoder) checkWord(n ast.Node, key, word string, words []string) {
	if word != "" && !slices.Contains(words, word) {
		d.fail(n, CodeValue, "", "%s is %s, not %q%s", key, list(words), word, suggest(word, words))
	}
}

func valueOf(into any) reflect.Value { return reflect.ValueOf(into).Elem() }

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
