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
	w := &Watcher{Dir: dir, Loaded: load(t, shop), Now: func() time.Time { return now }}
	w.begin()
	look := func(passed time.Duration) bool {
		now = now.Add(passed)
		return w.settled()
	}
	path := filepath.Join(dir, "audiences", "lapsed_vip.sql")
	write := func(text string) { require.NoError(t, os.WriteFile(path, []byte(text), 0o644)) }

	require.False(t, look(time.Hour), "nothing changed")
	write("half")
	require.False(t, look(time.Second))
	write("/* audience */ SELECT profile_id FROM profiles")
	require.False(t, look(time.Second), "quiet begins again")
	require.False(t, look(time.Second), "one second of quiet")
	require.True(t, look(time.Second), "two seconds of quiet")
	require.False(t, look(time.Hour), "said once")

	write("/* audience */ SELECT 1")
	require.False(t, look(time.Second))
	write("/* audience */ SELECT profile_id FROM profiles")
	require.False(t, look(time.Second))
	require.False(t, look(time.Hour), "what changes back is no change")

	require.NoError(t, os.Remove(path))
	require.False(t, look(time.Hour))
	require.True(t, look(quiet), "a file that went away is a change too")
}

func TestWatcherNoticesWhatChangedBeforeItRan(t *testing.T) {
	t.Parallel()
	loaded := load(t, shop)
	dir := writeProject(t, map[string]string{"tailrace.yml": "name: other\n"})
	clock := make(chan time.Time, 3)
	for i := range 3 { // begin, a look, the next one
		clock <- time.Unix(int64(10*i), 0)
	}
	ticks := make(chan time.Time, 1)
	ticks <- time.Time{}
	w := &Watcher{Dir: dir, Loaded: loaded, Now: func() time.Time { return <-clock }, Ticks: ticks}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	called := 0
	require.NoError(t, w.Run(ctx, func(context.Context) { called++; cancel() }))
	require.Equal(t, 1, called)
}
