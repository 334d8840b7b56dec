package syncs

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRunsAfterAnother: `schedule: { after: [s] }` is due once for each finished run of s, and at once
// when somebody must not be sent any more.
func TestRunsAfterAnother(t *testing.T) {
	b := setup(t, mirrorRecords)
	b.files(map[string]string{"syncs/s.yml": mirrorRecords,
		"syncs/second.yml": "model: people\ndestination: fake\nobject: list\nmode: audience\nmatch: { id: id }\nguard: { max_removed: 100% }\nschedule: { after: [s] }\n"})
	require.NoError(t, b.e.Reconcile(b.ctx))
	b.people(many(0, 3)...)
	isDue := func(want ...string) {
		t.Helper()
		due, err := b.e.Due(b.ctx)
		require.NoError(t, err)
		require.ElementsMatch(t, want, due)
	}
	second := func() {
		t.Helper()
		r, err := b.e.Start(b.ctx, "second", StartOptions{Trigger: "change"})
		require.NoError(t, err)
		require.Equal(t, Succeeded, b.drive(r.ID).State)
	}
	isDue()
	b.run(StartOptions{DryRun: true})
	isDue()
	b.run(StartOptions{})
	isDue("second")
	second()
	isDue()
	b.people(many(0, 4)...)
	isDue() // its inputs alone don't make it due
	b.run(StartOptions{})
	isDue("second")
	second()
	isDue()
	b.exec("INSERT INTO suppressions (kind, value, active, version) VALUES ('user_id', 'i1', true, 1)")
	isDue("s", "second") // a withdrawal waits for nobody, not for a person who starts a manual sync either
}
