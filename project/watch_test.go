package project

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestWatcherWaitsForQuiet(t *testing.T) {
	t.Parallel()
	dir := writeProject(t, shop)
	now := time.Unix(0, 0)
	ticks, changes := make(chan time.Time), 0
	w := &Watcher{Dir: dir, Loaded: load(t, shop), Now: func() time.Time { return now }, Ticks: ticks}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	// An unbuffered tick is taken only between looks: two ticks behind each
	// other mean that the first look is over.
	look := func(passed time.Duration) int {
		ticks <- now
		ticks <- now
		now = now.Add(passed)
		return changes
	}
	go func() { done <- w.Run(ctx, func(context.Context) { changes++ }) }()

	require.Zero(t, look(time.Hour), "nothing changed")
	path := filepath.Join(dir, "audiences", "lapsed_vip.sql")
	require.NoError(t, os.WriteFile(path, []byte("half"), 0o644))
	require.Zero(t, look(time.Second))
	require.NoError(t, os.WriteFile(path, []byte("/* audience */ SELECT profile_id FROM profiles"), 0o644))
	require.Zero(t, look(time.Second), "quiet begins again")
	require.Zero(t, look(time.Second), "one second of quiet")
	require.Equal(t, 1, look(time.Hour), "two seconds of quiet")
	require.Equal(t, 1, look(time.Hour), "said once")

	require.NoError(t, os.Remove(path))
	require.Equal(t, 1, look(time.Hour))
	require.Equal(t, 2, look(0), "a file that went away is a change too")
	cancel()
	require.NoError(t, <-done)
}
