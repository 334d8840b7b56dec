package audiences_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/audiences"
	"github.com/tailrace/tailrace/project"
)

// numbers is an audience over as many members as `of` says.
func numbers(header string, of int) map[string]string {
	return map[string]string{"audiences/numbers.sql": fmt.Sprintf("/* audience\nentity: none\n%s*/\nSELECT number AS id, number %% 3 AS kind FROM numbers(%d)", header, of)}
}

func TestAFailedTestKeepsAVersionFromBeingPublished(t *testing.T) {
	b := setup(t, numbers("", 10))
	require.Equal(t, audiences.StatePublished, b.audience("numbers").State)
	for header, want := range map[string]string{
		"tests: [{ min_members: 20 }]":                                             "audiences/numbers.sql:3:9: test min_members: 20: there are 12",
		"tests: [{ max_members: 5 }]":                                              "test max_members: 5: there are 12",
		"tests: [{ unique: kind }]":                                                "test unique: kind: 3 values don't pass",
		"tests: [{ accepted_values: { column: kind, values: [0, 1] } }]":           "test accepted_values: kind in 0, 1: 4 rows don't pass",
		"tests: [{ not_null: maybe }]":                                             "audiences/numbers.sql:3:9: unknown column maybe",
		"tests: [{ relationships: { column: id, to: identities, field: value } }]": "12 rows don't pass",
		"tests: [{ sql: 'SELECT id FROM numbers WHERE kind = 2' }]":                "it returned 4 rows",
		"tests: [{ sql: 'SELECT nothing FROM numbers' }]":                          "unknown column nothing",
		"tests: [{ min_members: 20 }, { max_members: 5 }]":                         "min_members: 20: there are 12\naudiences/numbers.sql:3:30: test max_members",
	} {
		b.write(numbers(header+"\n", 12))
		m := b.audience("numbers")
		require.Equal(t, audiences.StateFailed, m.State, header)
		require.Contains(t, m.Error, want)
	}
	require.Equal(t, []string{"10"}, b.texts("SELECT toString(count()) FROM "+b.in("numbers")), "the last good version stays")
	require.Len(t, b.changes("numbers"), 10)
	b.write(numbers("tests: [unique, not_null, { min_members: 20, severity: warn }, { accepted_values: { column: kind, values: [0, 1, 2] } }, { sql: 'SELECT id FROM numbers WHERE id > 100' }]\n", 12))
	m := b.audience("numbers")
	require.Equal(t, audiences.StatePublished, m.State, m.Error)
	require.Equal(t, []string{"audiences/numbers.sql:3:27: warning: test min_members: 20: there are 12"}, m.Warnings)
	d, err := b.a.Definition(b.ctx, project.KindAudience, "numbers")
	require.NoError(t, err)
	require.Equal(t, m.Warnings, d.Published.Warnings)
	require.False(t, d.Stale, "a warning holds nothing")
	require.Equal(t, []string{m.Warnings[0]}, b.texts("SELECT arrayJoin(warnings) FROM "+b.in("materializations")+" WHERE version = "+fmt.Sprint(m.Version)))
}

func TestAVersionThatShrinksTooMuchIsHeld(t *testing.T) {
	b := setup(t, numbers("", 200))
	require.Equal(t, audiences.StatePublished, b.audience("numbers").State)
	b.write(numbers("", 90))
	held := b.audience("numbers")
	require.Equal(t, audiences.StateHeld, held.State)
	require.Equal(t, "110 of 200 members would leave: more than half, the default limit, of over 100 members", held.Reason)
	require.Equal(t, []string{"200"}, b.texts("SELECT toString(count()) FROM "+b.in("numbers")))
	require.Len(t, b.changes("numbers"), 200, "nothing downstream moves")
	d, err := b.a.Definition(b.ctx, project.KindAudience, "numbers")
	require.NoError(t, err)
	require.True(t, d.Stale)
	require.Contains(t, d.StaleCause, "version 2 is held: 110 of 200")

	_, err = b.a.Approve(b.ctx, "nobody", "ada")
	require.ErrorIs(t, err, audiences.ErrNotFound)
	m, err := b.a.Approve(b.ctx, held.ID, "ada")
	require.NoError(t, err)
	require.Equal(t, audiences.StatePublished, m.State)
	require.Equal(t, "ada", m.Actor)
	require.EqualValues(t, 110, m.Exited)
	require.Equal(t, []string{"90"}, b.texts("SELECT toString(count()) FROM "+b.in("numbers")))
	require.Len(t, b.changes("numbers"), 310)
	_, err = b.a.Discard(b.ctx, held.ID, "ada")
	require.ErrorIs(t, err, audiences.ErrConflict)
}

func TestADiscardedVersionLeavesNoTrace(t *testing.T) {
	b := setup(t, numbers("limits: { max_grow: 10% }\n", 20))
	b.audience("numbers")
	b.write(numbers("limits: { max_grow: 10% }\n", 23))
	held := b.audience("numbers")
	require.Equal(t, "20 members would become 23: more than max_grow: 10%", held.Reason)
	m, err := b.a.Discard(b.ctx, held.ID, "ada")
	require.NoError(t, err)
	require.Equal(t, audiences.StateDiscarded, m.State)
	require.Len(t, b.changes("numbers"), 20)
	b.write(numbers("limits: { max_grow: 10% }\n", 22))
	require.Equal(t, audiences.StatePublished, b.audience("numbers").State)
}

func TestALaterVersionSupersedesAHeldOne(t *testing.T) {
	b := setup(t, numbers("limits: { max_shrink: 10% }\n", 20))
	b.audience("numbers")
	b.write(numbers("limits: { max_shrink: 10% }\n", 5))
	held := b.audience("numbers")
	require.Equal(t, audiences.StateHeld, held.State)
	again := b.audience("numbers")
	require.Equal(t, audiences.StateHeld, again.State)
	require.Equal(t, audiences.StateSuperseded, b.get(held.ID).State, "there is one to decide about")
	held = again
	b.write(numbers("limits: { max_shrink: 10% }\n", 19))
	require.Equal(t, audiences.StatePublished, b.audience("numbers").State)
	require.Equal(t, audiences.StateSuperseded, b.get(held.ID).State)
	_, err := b.a.Approve(b.ctx, held.ID, "ada")
	require.ErrorIs(t, err, audiences.ErrConflict)
}

func TestAnAudienceMayEmpty(t *testing.T) {
	b := setup(t, numbers("limits: { max_shrink: 100% }\n", 300))
	b.audience("numbers")
	b.write(numbers("limits: { max_shrink: 100% }\n", 0))
	m := b.audience("numbers")
	require.Equal(t, audiences.StatePublished, m.State, m.Error)
	require.Equal(t, []string{"0"}, b.texts("SELECT toString(count()) FROM "+b.in("numbers")))
	require.EqualValues(t, 300, m.Exited)
	require.Equal(t, audiences.StateUnchanged, b.audience("numbers").State)
	b.now = b.now.Add(2 * time.Hour)
	dropped, err := b.a.Clean(b.ctx)
	require.NoError(t, err)
	require.Equal(t, 1, dropped)
	b.write(numbers("limits: { max_shrink: 100% }\n", 3))
	require.EqualValues(t, 3, b.audience("numbers").Entered)
}

func TestAnotherShapeIsAnotherTableAndNoGap(t *testing.T) {
	b := setup(t, numbers("", 10))
	first := b.audience("numbers")
	b.write(map[string]string{"audiences/numbers.sql": "/* audience\nentity: none\n*/\nSELECT toString(number) AS id, 'x' AS extra FROM numbers(11)"})
	require.Equal(t, []string{"10"}, b.texts("SELECT toString(count()) FROM "+b.in("numbers")))
	second := b.audience("numbers")
	require.Equal(t, audiences.StatePublished, second.State, second.Error)
	require.NotEqual(t, first.Table, second.Table)
	require.EqualValues(t, 1, second.Entered, "keys are compared as text")
	require.Equal(t, []string{"x"}, b.texts("SELECT DISTINCT extra FROM "+b.in("numbers")))
}

func TestRowsThatNobodyCanReachAreDropped(t *testing.T) {
	b := setup(t, numbers("", 10))
	m := b.audience("numbers")
	table := b.db.Database() + "." + m.Table
	require.NoError(t, b.db.Exec(b.ctx, "INSERT INTO "+table+" (version, key, id, kind) SELECT 99, toString(number), number, 0 FROM numbers(3)"))
	dropped, err := b.a.Clean(b.ctx)
	require.NoError(t, err)
	require.Zero(t, dropped, "a worker may be writing it")
	b.now = time.Now().Add(25 * time.Hour)
	dropped, err = b.a.Clean(b.ctx)
	require.NoError(t, err)
	require.Equal(t, 1, dropped)
	require.Equal(t, []string{"10"}, b.texts("SELECT toString(count()) FROM "+table))
}
