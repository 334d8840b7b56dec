package audiences

import (
	"slices"

	"github.com/tailrace/tailrace/project"
)

// unsettled are the traits and audiences that are running, or will run next. One
// whose last attempt went wrong or waits for a person is none: what comes after
// it isn't kept waiting by it.
func (a *Audiences) unsettled(p *project.Project, now *situation) map[project.Node]bool {
	out := map[project.Node]bool{}
	for _, f := range slices.Concat(p.Traits, p.Audiences) {
		n := project.Node{Kind: f.Kind, Name: f.Name}
		last := now.last[n]
		switch {
		case last != nil && (last.State == StateFailed || last.State == StateHeld):
		case last != nil && last.State.Running():
			out[n] = true
		default:
			_, reason := a.changed(p, f, last, now.marks)
			out[n] = reason != ""
		}
	}
	return out
}

// mustSettle tells whether a file waits for audiences that win against it.
func (a *Audiences) mustSettle(p *project.Project, n project.Node, unsettled map[project.Node]bool) bool {
	return slices.ContainsFunc(p.SettleFirst(n), func(first project.Node) bool { return unsettled[first] })
}
