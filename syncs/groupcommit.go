package syncs

import (
	"context"
	"errors"
	"time"
)

// A group is committed when this many callers wait, or this long after the
// first came.
const (
	groupSize = 200
	groupWait = 50 * time.Millisecond
)

// groupCommit turns the rows of many goroutines into few inserts. Nobody's
// commit returns before the insert with its rows did.
type groupCommit struct {
	requests chan groupRequest
	done     chan struct{}
}

type groupRequest struct {
	rows   [][]any
	answer chan error
}

// errGroupClosed is returned to who commits after close.
var errGroupClosed = errors.New("the group commit is closed")

// newGroupCommit starts the committer; write inserts one block. It waits for
// company only while idle doesn't report that nobody is about to come.
func newGroupCommit(write func([][]any) error, idle func() bool) *groupCommit {
	g := &groupCommit{requests: make(chan groupRequest), done: make(chan struct{})}
	go func() {
		defer close(g.done)
		for first := range g.requests {
			g.collect(first, write, idle)
		}
	}()
	return g
}

func (g *groupCommit) collect(first groupRequest, write func([][]any) error, idle func() bool) {
	group := []groupRequest{first}
	rows := first.rows
	take := func(r groupRequest) { group, rows = append(group, r), append(rows, r.rows...) }
	timer := time.NewTimer(groupWait)
	defer timer.Stop()
	for open := true; open && len(group) < groupSize; {
		select { // whoever waits already comes along
		case r, ok := <-g.requests:
			if open = ok; ok {
				take(r)
			}
			continue
		default:
		}
		if idle() {
			break
		}
		select {
		case r, ok := <-g.requests:
			if open = ok; ok {
				take(r)
			}
		case <-timer.C:
			open = false
		}
	}
	err := write(rows)
	for _, r := range group {
		r.answer <- err
	}
}

// commit returns when the rows are durable, or with the insert's error: then
// their outcome is unknown.
func (g *groupCommit) commit(ctx context.Context, rows [][]any) error {
	if len(rows) == 0 {
		return nil
	}
	answer := make(chan error, 1)
	select {
	case g.requests <- groupRequest{rows, answer}:
		return <-answer
	case <-g.done:
		return errGroupClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// close ends the committer; nobody may commit any more.
func (g *groupCommit) close() {
	close(g.requests)
	<-g.done
}
