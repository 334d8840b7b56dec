package connectors

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type fakeWriter struct {
	writes  func(n int, b Batch) (Answer, error)
	calls   int
	refresh error
	fresh   int
}

func (f *fakeWriter) Write(_ context.Context, b Batch) (Answer, error) {
	f.calls++
	return f.writes(f.calls, b)
}

func (f *fakeWriter) Refresh(context.Context) (map[string]Secret, error) {
	f.fresh++
	return map[string]Secret{"token": NewSecret("new")}, f.refresh
}

func (f *fakeWriter) Poll(context.Context, Ticket, Batch) (Answer, error) {
	return f.writes(0, Batch{})
}

func fake(t *testing.T, class Class, writes func(n int, b Batch) (Answer, error)) (*Destination, *fakeWriter) {
	t.Helper()
	w := &fakeWriter{writes: writes}
	tr, err := NewTransport(TransportOptions{})
	require.NoError(t, err)
	now := testNow
	d, err := Open(Options{
		Name: "d", Config: &sampleConfig{}, HTTP: tr, Limiter: NewLocalLimiter(func() time.Time { return now }),
		Now: func() time.Time { now = now.Add(time.Millisecond); return now },
		Connector: Connector{Name: "fake", Open: func(any, Env) (Writer, error) { return w, nil }, Objects: []Object{{
			Name: "o", OpenIdentifiers: true, Fields: FieldRules{Open: true},
			Actions: map[Action]Spec{Upsert: {Class: class, Window: time.Hour, Limits: Limits{Rows: 10}}},
		}}},
	})
	require.NoError(t, err)
	return d, w
}

func batchOf(n int) Batch { return Batch{Action: Upsert, Object: "o", Key: "p:1", Rows: rowsOf(n)} }

func statusesOf(o Outcome) string {
	s := ""
	for _, r := range o.Results {
		s += r.Status.String()[:1]
	}
	return s
}

func all(n int, s Status) Answer { return Answer{Results: fill(n, Result{Status: s})} }

func TestWrongCountIsUnknown(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 3} {
		d, _ := fake(t, ClassA, func(int, Batch) (Answer, error) { return all(n, Accepted), nil })
		o := d.Send(context.Background(), batchOf(2))
		require.Equal(t, "uu", statusesOf(o))
		require.Equal(t, FindOut, o.Err.Do)
	}
}

func TestUnnamedRefusalsAreIsolatedForClassAOnly(t *testing.T) {
	t.Parallel()
	answer := Answer{Results: []Result{{Status: Accepted}, {}, {}, {}}, Invalid: 1}
	for class, do := range map[Class]Do{ClassA: Split, ClassB: FindOut, ClassC: FindOut, ClassD: FindOut} {
		d, _ := fake(t, class, func(int, Batch) (Answer, error) { return answer, nil })
		o := d.Send(context.Background(), batchOf(4))
		require.Equal(t, "auuu", statusesOf(o), class)
		require.Equal(t, do, o.Err.Do, class)
		if class == ClassA {
			require.Len(t, o.Parts, 2)
			require.Equal(t, []string{"p:1.1", "p:1.2"}, []string{o.Parts[0].Key, o.Parts[1].Key})
			require.Len(t, o.Parts[0].Rows, 2)
		}
	}
	d, _ := fake(t, ClassA, func(int, Batch) (Answer, error) { return Answer{Results: make([]Result, 1), Invalid: 1}, nil })
	require.Equal(t, "r", statusesOf(d.Send(context.Background(), batchOf(1))))
}

func TestSplitAtTheRowsNamed(t *testing.T) {
	t.Parallel()
	d, _ := fake(t, ClassA, func(int, Batch) (Answer, error) {
		return Answer{}, &CallError{Do: Split, Rows: []int{1}, Code: "bad", Words: "a1@x.io is bad"}
	})
	o := d.Send(context.Background(), batchOf(4))
	require.Equal(t, "dddd", statusesOf(o))
	require.Len(t, o.Parts, 2)
	require.Len(t, o.Parts[0].Rows, 3)
	require.Equal(t, "1", o.Parts[1].Rows[0].Key)
	require.Equal(t, "[email] is bad", o.Err.Words)
	alone := d.Send(context.Background(), o.Parts[1])
	require.Equal(t, "r", statusesOf(alone))
	require.Nil(t, alone.Err)
}

func TestRefreshOnce(t *testing.T) {
	t.Parallel()
	unauthorized := &HTTPError{Status: http.StatusUnauthorized}
	d, w := fake(t, ClassA, func(n int, b Batch) (Answer, error) {
		if n == 1 {
			return Answer{}, unauthorized
		}
		return all(len(b.Rows), Accepted), nil
	})
	require.Equal(t, "aa", statusesOf(d.Send(context.Background(), batchOf(2))))
	require.Equal(t, 1, w.fresh)

	d, w = fake(t, ClassA, func(int, Batch) (Answer, error) { return Answer{}, unauthorized })
	o := d.Send(context.Background(), batchOf(2))
	require.Equal(t, Stop, o.Err.Do)
	require.Equal(t, ScopeCredential, o.Err.Scope)
	require.Equal(t, 2, w.calls)
	require.Equal(t, 1, w.fresh)

	d, w = fake(t, ClassA, func(int, Batch) (Answer, error) { return Answer{}, unauthorized })
	w.refresh = errors.New("refused")
	o = d.Send(context.Background(), batchOf(2))
	require.Equal(t, "refresh_refused", o.Err.Code)
	require.Equal(t, 1, w.calls)
}

func TestTicketsAndPolling(t *testing.T) {
	t.Parallel()
	ticket := &Ticket{ID: "job"}
	d, _ := fake(t, ClassA, func(n int, b Batch) (Answer, error) {
		if n > 0 {
			return Answer{Ticket: ticket}, nil
		}
		return all(2, Accepted), nil
	})
	o := d.Send(context.Background(), batchOf(2))
	require.Equal(t, ticket, o.Ticket)
	require.Equal(t, "uu", statusesOf(o))
	require.Nil(t, o.Err)
	o, err := d.Poll(context.Background(), *ticket, batchOf(2))
	require.NoError(t, err)
	require.Equal(t, "aa", statusesOf(o))
}

func TestBatchesThatContradictTheDefinition(t *testing.T) {
	t.Parallel()
	d, w := fake(t, ClassB, func(int, Batch) (Answer, error) { return Answer{}, nil })
	for name, change := range map[string]func(*Batch){
		"no rows":       func(b *Batch) { b.Rows = nil },
		"too many":      func(b *Batch) { b.Rows = rowsOf(11) },
		"no key":        func(b *Batch) { b.Key = "" },
		"erase":         func(b *Batch) { b.Erase = true },
		"object":        func(b *Batch) { b.Object = "x" },
		"action":        func(b *Batch) { b.Action = Delete },
		"one key twice": func(b *Batch) { b.Rows[1].Key = b.Rows[0].Key },
		"one id twice":  func(b *Batch) { b.Rows[1].IDs = b.Rows[0].IDs },
	} {
		b := batchOf(2)
		change(&b)
		o := d.Send(context.Background(), b)
		require.NotNil(t, o.Err, name)
		require.Equal(t, Stop, o.Err.Do, name)
		require.False(t, o.Sent, name)
	}
	b := batchOf(3)
	b.Rows[1].IDs = nil
	o := d.Send(context.Background(), b)
	require.Equal(t, "drd", statusesOf(o))
	require.Len(t, o.Parts[0].Rows, 2)
	require.Zero(t, w.calls)
}

// A vendor's pause reaches every sync of the credential, and Send hands back
// when to come again instead of waiting for long.
func TestPauseIsShared(t *testing.T) {
	t.Parallel()
	d, w := fake(t, ClassA, func(int, Batch) (Answer, error) {
		return Answer{}, &CallError{Do: Wait, Wait: time.Hour, Scope: ScopeAccount, Code: "slow"}
	})
	first := d.Send(context.Background(), batchOf(1))
	require.WithinDuration(t, testNow.Add(time.Hour), first.NotBefore, time.Second)
	second := d.Send(context.Background(), batchOf(1))
	require.Equal(t, Wait, second.Err.Do)
	require.False(t, second.Sent)
	require.WithinDuration(t, testNow.Add(time.Hour), second.NotBefore, time.Second)
	require.Equal(t, 1, w.calls)
}

func TestWordsHideWhatWasSent(t *testing.T) {
	t.Parallel()
	cfg := &sampleConfig{}
	cfg.Credentials.Token = NewSecret("canary-token")
	r := newRedactor(Secrets(cfg))
	got := r.words(fmt.Sprintf("no %q for user-4711 ada@example.com canary-token Y2FuYXJ5LXRva2Vu", "x"), []string{"user-4711"})
	require.Equal(t, `no "x" for [identifier] [email] [redacted] [redacted]`, got)
	require.LessOrEqual(t, len(r.words(string(make([]byte, 5000)), nil)), maxWords+3)
}
