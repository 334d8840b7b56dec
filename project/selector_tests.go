package project

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// SelectTests returns the unit tests that selectors name, in order of files and
// text; no selector means all. A selector of [Project.Select] means the tests of
// the files it selects; besides, it may be the name or a tag of a test, or the
// path of the file that tests stand in. A selector that names nothing is an error.
func (p *Project) SelectTests(selectors, exclude []string) ([]*UnitTest, error) {
	chosen := func(selectors []string) (map[*UnitTest]bool, error) {
		out := map[*UnitTest]bool{}
		for _, s := range selectors {
			found, err := p.testsOf(s)
			if err != nil {
				return nil, err
			}
			for _, t := range found {
				out[t] = true
			}
		}
		return out, nil
	}
	in, err := chosen(p.testWords(selectors))
	if err != nil {
		return nil, err
	}
	out, err := chosen(p.testWords(exclude))
	if err != nil {
		return nil, err
	}
	var tests []*UnitTest
	for _, t := range p.UnitTests {
		if (len(selectors) == 0 || in[t]) && !out[t] {
			tests = append(tests, t)
		}
	}
	return tests, nil
}

// testWords splits selectors at blanks, but for the names of tests, which have blanks.
func (p *Project) testWords(selectors []string) []string {
	var out []string
	for _, s := range selectors {
		if slices.ContainsFunc(p.UnitTests, func(t *UnitTest) bool { return t.called(s) }) {
			out = append(out, s)
		} else {
			out = append(out, eitherOf([]string{s})...)
		}
	}
	return out
}

// called tells whether a pattern stands for the test's name.
func (t *UnitTest) called(pattern string) bool {
	ok, err := path.Match(pattern, t.Name)
	return ok && err == nil
}

// testsOf returns the tests that every part of a selector names.
func (p *Project) testsOf(selector string) ([]*UnitTest, error) {
	tests := slices.Clone(p.UnitTests)
	if !slices.ContainsFunc(tests, func(t *UnitTest) bool { return t.called(selector) }) {
		for _, part := range strings.Split(selector, ",") {
			found, err := p.testsOfOne(strings.TrimSpace(part))
			if err != nil {
				return nil, err
			}
			tests = slices.DeleteFunc(tests, func(t *UnitTest) bool { return !found[t] })
		}
		return tests, nil
	}
	return slices.DeleteFunc(tests, func(t *UnitTest) bool { return !t.called(selector) }), nil
}

func (p *Project) testsOfOne(word string) (map[*UnitTest]bool, error) {
	nodes, err := p.selectOne(word)
	found := map[*UnitTest]bool{}
	for _, t := range p.UnitTests {
		byPath := strings.Contains(word, "/") && matches(word, Node{}, t.Path, nil)
		tag, isTag := strings.CutPrefix(word, "tag:")
		if nodes[t.Node()] || t.called(word) || byPath || (isTag && slices.Contains(t.Tags, tag)) {
			found[t] = true
		}
	}
	if len(found) == 0 && err != nil {
		known := p.selectable()
		for _, t := range p.UnitTests {
			known = append(known, t.Name)
		}
		return nil, fmt.Errorf("selecting %q: nothing is called so%s", word, suggest(word, known))
	}
	return found, nil
}
