package project

import (
	"slices"
	"strings"
)

// SelectFiles tells of which files mistakes are to be told when selectors choose:
// those that [Project.Select] chooses, the unit tests of them, and files that are
// under no selector, since all others stand on them (tailrace.yml, sources,
// destinations, tracking plans). A file that is too broken to have a name is chosen
// by its path. A selector that names nothing is an error.
func (p *Project) SelectFiles(selectors, exclude []string) (func(path string) bool, error) {
	nodes, err := p.Select(selectors, exclude)
	if err != nil {
		return nil, err
	}
	known, chosen := map[string]bool{}, map[string]bool{}
	for _, file := range p.graph.paths {
		known[file] = true
	}
	for _, n := range nodes {
		chosen[p.graph.paths[n]] = true
	}
	for _, t := range p.UnitTests {
		known[t.Path] = true
		if slices.Contains(nodes, t.Node()) {
			chosen[t.Path] = true
		}
	}
	return func(path string) bool {
		if known[path] {
			return chosen[path]
		}
		folder, _, nested := strings.Cut(path, "/")
		return !nested || !slices.Contains(selectableFolders, folder) || inFolders(path, selectors)
	}, nil
}

// selectableFolders hold what selectors choose from.
var selectableFolders = []string{"models", "traits", "audiences", "syncs", "tests"}

// inFolders tells whether no selector is given, or one is a path that leads to the file.
func inFolders(path string, selectors []string) bool {
	return len(selectors) == 0 || slices.ContainsFunc(eitherOf(selectors), func(s string) bool {
		return strings.Contains(s, "/") && matches(s, Node{}, path, nil)
	})
}
