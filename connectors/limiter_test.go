package connectors

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLocalLimiter(t *testing.T) {
	t.Parallel()
	now := testNow
	l := NewLocalLimiter(func() time.Time { return now })
	b := Budget{Rate: 2, Burst: 3, Concurrency: 2}
	ctx := context.Background()
	take := func(key string) (time.Duration, func()) {
		wait, release, err := l.Take(ctx, key, b)
		require.NoError(t, err)
		return wait, release
	}
	_, r1 := take("k")
	_, r2 := take("k")
	require.NotNil(t, r1)
	require.NotNil(t, r2)
	wait, none := take("k")
	require.Nil(t, none, "two are in flight")
	require.Equal(t, busyWait, wait)
	r1()
	r1() // releasing twice gives back once
	_, r3 := take("k")
	require.NotNil(t, r3)
	r2()
	r3()
	wait, none = take("k")
	require.Nil(t, none, "the burst is used up")
	require.InDelta(t, 500, wait.Milliseconds(), 2)
	_, other := take("other")
	require.NotNil(t, other)

	now = now.Add(time.Hour)
	require.NoError(t, l.Pause(ctx, "k", now.Add(time.Minute)))
	require.NoError(t, l.Pause(ctx, "k", now.Add(time.Second)))
	wait, none = take("k")
	require.Nil(t, none)
	require.Equal(t, time.Minute, wait)
	now = now.Add(time.Minute)
	_, r := take("k")
	require.NotNil(t, r)
}

// In any ten seconds no more than burst plus refill leave.
func TestLocalLimiterStaysBelowAWindow(t *testing.T) {
	t.Parallel()
	now := testNow
	l := NewLocalLimiter(func() time.Time { return now })
	b := Budget{Rate: 9, Burst: 9}
	var sent []time.Time
	for now.Sub(testNow) < time.Minute {
		wait, release, err := l.Take(context.Background(), "k", b)
		require.NoError(t, err)
		if release == nil {
			now = now.Add(wait)
			continue
		}
		release()
		sent = append(sent, now)
	}
	require.Greater(t, len(sent), 500)
	for i := range sent {
		n := 0
		for j := i; j < len(sent) && sent[j].Sub(sent[i]) < 10*time.Second; j++ {
			n++
		}
		require.LessOrEqual(t, n, 100)
	}
}
