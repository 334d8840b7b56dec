package syncs

import (
	"fmt"
	"strings"

	"github.com/tailrace/tailrace/project"
)

// Numbers are what guards look at: counts of one plan.
type Numbers struct {
	Selected uint64 // rows of the selection, whatever became of them
	In       uint64 // rows of the selection that aren't left out
	Adds     uint64
	Changes  uint64
	Removes  uint64 // without those that only moved
	// Exempt are removals of people whose consent was withdrawn or who are
	// suppressed: they are never held back.
	Exempt uint64
	Held   uint64 // rows that the destination holds now
	// Adopted says that the state was adopted and nothing was sent since: whom
	// the plan removes, this sync never sent.
	Adopted bool
	// First says that nothing was ever delivered by this sync to this account.
	First bool
	// Account says that the destination isn't the one that the state belongs to.
	Account bool
	// Drain says that everything is taken out, because the file went away.
	Drain bool
}

// Trip is one guard that holds a plan.
type Trip struct{ Code, Words string }

// guard is a pure function: which guards a plan with these numbers trips.
func guard(g project.Guard, n Numbers) []Trip {
	var trips []Trip
	trip := func(code, format string, args ...any) {
		trips = append(trips, Trip{code, fmt.Sprintf(format, args...)})
	}
	removes := n.Removes - min(n.Exempt, n.Removes)
	if n.Drain && n.Removes > 0 {
		trip("drain", "the sync is gone and all %d rows would be taken out", n.Removes)
	}
	if n.Account {
		trip("account", "the destination is another account than the one that was synced before")
	}
	if n.Held > 0 && n.Selected == 0 && removes > 0 {
		trip("empty", "the selection is empty while the destination holds %d rows", n.Held)
	} else if n.Held > 0 && removes >= n.Held && !n.Drain {
		trip("all_removed", "all %d rows that the destination holds would be removed", n.Held)
	}
	if n.Adopted && removes > 0 {
		trip("adopted", "%d rows that were adopted aren't in the selection and would be removed", removes)
	}
	if g.MaxRemoved != nil && n.Held > 0 && float64(removes) > g.MaxRemoved.Of(float64(n.Held)) {
		trip("max_removed", "%d of %d rows would be removed, more than max_removed %s", removes, n.Held, g.MaxRemoved)
	}
	if sent := n.Adds + n.Changes + removes; g.MaxChanges != nil && sent > uint64(max(*g.MaxChanges, 0)) {
		trip("max_changes", "%d rows would change, more than max_changes %d", sent, *g.MaxChanges)
	}
	if n.First && g.FirstSync != nil && n.Adds > uint64(max(*g.FirstSync, 0)) {
		trip("first_sync", "the first sync would send %d rows, more than first_sync %d", n.Adds, *g.FirstSync)
	}
	return trips
}

// tripWords joins the reasons for people.
func tripWords(trips []Trip) string {
	words := make([]string, len(trips))
	for i, t := range trips {
		words[i] = t.Code + ": " + t.Words
	}
	return strings.Join(words, "; ")
}
