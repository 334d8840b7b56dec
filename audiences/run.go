package audiences

import (
	"context"
	"errors"
	"fmt"

	"github.com/tailrace/tailrace/jobs"
	"github.com/tailrace/tailrace/project"
)

// Run goes on with a materialization from wherever it is, until it is over or
// held. It is the handler of [TaskMaterialize]: calling it again, also after a
// kill, is harmless. What is wrong with the file ends as state failed and is no
// error here; an error means that the machinery failed and it should be tried
// again.
func (a *Audiences) Run(ctx context.Context, id string) error {
	m, err := a.latest(ctx, id)
	if err != nil {
		return err
	}
	if err := a.run(ctx, &m); err != nil && !errors.Is(err, errTakenOver) {
		return fmt.Errorf("materializing %s %s: %w", m.Kind, m.Name, err)
	}
	return nil
}

func (a *Audiences) run(ctx context.Context, m *Materialization) error {
	if m.State.Over() || m.State == StateHeld {
		if m.State == StatePublished {
			return a.reveal(ctx, m) // it may have died before the views were made
		}
		return nil
	}
	p := a.project()
	if p == nil {
		return errors.New("there is no valid project yet")
	}
	f := findFile(p, m.Kind, m.Name)
	if f == nil {
		m.Reason = "its file is gone"
		return a.advance(ctx, m, StateDiscarded)
	}
	err := a.steps(ctx, p, f, m)
	var mistake *failure
	if errors.As(err, &mistake) {
		m.Error = err.Error()
		return a.advance(ctx, m, StateFailed)
	}
	return err
}

// steps are the ways from state to state; each is written down before the next.
func (a *Audiences) steps(ctx context.Context, p *project.Project, f *project.SQLFile, m *Materialization) error {
	resumed := true
	if m.State == StateQueued || m.State == StateComputing {
		if err := a.takeOver(ctx, f, m); err != nil {
			return err
		}
		if err := a.compute(ctx, p, f, m); err != nil {
			return err
		}
		if err := a.still(ctx, m); err != nil {
			return err
		}
		if err := a.advance(ctx, m, StateComputed); err != nil {
			return err
		}
		resumed = false
	}
	if resumed {
		if err := a.verifySeal(ctx, m); err != nil {
			if errors.Is(err, errSeal) {
				return failStart(f, fmt.Sprintf("version %d was sealed with %d rows, and its table has others now", m.Version, m.Rows), "")
			}
			return err
		}
	}
	if m.State == StateComputed {
		if over, err := a.judge(ctx, p, f, m); err != nil || over {
			return err
		}
	}
	return a.publish(ctx, f, m)
}

// takeOver makes sure that this worker alone computes the version. Where
// another began, it may be dead or alive: the materialization goes on under a
// new version, which makes the other's unreachable.
func (a *Audiences) takeOver(ctx context.Context, f *project.SQLFile, m *Materialization) error {
	if m.State == StateQueued {
		mine, err := jobs.Claim(ctx, a.db, "materialization:compute:"+m.ID, m.Version, a.worker)
		if err != nil || mine {
			return err
		}
	}
	var attempts uint64
	sql := "SELECT uniqExact(version) FROM " + a.table("materialization_log") + " WHERE id = ?"
	if err := a.db.Get(ctx, &attempts, sql, m.ID); err != nil {
		return fmt.Errorf("counting attempts: %w", err)
	}
	if attempts >= uint64(a.limits.Attempts) {
		return failStart(f, fmt.Sprintf("its worker died %d times while it was computed", attempts), "look for what ended the process, such as its memory limit")
	}
	version, err := a.claimVersion(ctx, m.Kind, m.Name)
	if err != nil {
		return err
	}
	// The successor first: while the id's newest version is one that goes on, nobody takes it for over.
	left := *m
	left.Reason = fmt.Sprintf("its worker was lost; version %d goes on", version)
	m.Version, m.seq = version, 0
	if err := a.advance(ctx, m, StateQueued); err != nil {
		return err
	}
	return a.advance(ctx, &left, StateSuperseded)
}

// still sees that nobody took the materialization over.
func (a *Audiences) still(ctx context.Context, m *Materialization) error {
	now, err := a.latest(ctx, m.ID)
	if err != nil {
		return err
	}
	if now.Version != m.Version || now.seq != m.seq {
		return fmt.Errorf("version %d: %w", m.Version, errTakenOver)
	}
	return nil
}
