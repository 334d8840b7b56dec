package identity

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"time"

	"github.com/tailrace/tailrace/warehouse"
)

// window is what one pass reads: events loaded in (since, until]. floor is how
// far earlier passes have read; a window of the overlap may end before it.
type window struct {
	since, until, floor time.Time
}

// Steps of a pass order its versions: what comes later in the pass wins.
const (
	stepRecover uint64 = iota + 1
	stepIdentifiers
	stepMerges
)

// version orders rows of identities and identity_merges: the pass, then the step.
func version(pass, step uint64) uint64 { return pass<<32 | step }

// pass resolves one window. Its row in identity_passes is the last thing it writes.
func (r *Resolver) pass(ctx context.Context, pass uint64, w window) (Report, error) {
	args := warehouse.P{"since": w.since, "until": w.until, "blocked": r.AllBlocked()}
	for _, name := range []string{"identifiers", "previous"} {
		if err := r.exec(ctx, name, with(args, "version", version(pass, stepIdentifiers))); err != nil {
			return Report{}, err
		}
	}
	var links []link
	if err := r.read(ctx, &links, "links", args); err != nil {
		return Report{}, err
	}
	var merges []merge
	var refusals []refusal
	if len(links) > 0 {
		var profiles []profile
		if err := r.read(ctx, &profiles, "profiles", args); err != nil {
			return Report{}, err
		}
		merges, refusals = decide(links, profiles, r.maxIDs())
	}
	if err := r.writeMerges(ctx, pass, merges); err != nil {
		return Report{}, err
	}
	refused, err := r.writeRefusals(ctx, refusals)
	if err != nil {
		return Report{}, err
	}
	if err := r.exec(ctx, "blocked", args); err != nil {
		return Report{}, err
	}
	done := Report{Pass: pass, Until: w.until, Links: len(links), Merges: len(merges), Refused: refused}
	if done.Until.Before(w.floor) {
		done.Until = w.floor
	}
	return done, r.writePass(ctx, done)
}

func (r *Resolver) writeMerges(ctx context.Context, pass uint64, merges []merge) error {
	if len(merges) == 0 {
		return nil
	}
	rows := make([][]any, len(merges))
	for i, m := range merges {
		rows[i] = []any{m.From, m.Into, m.Reason, m.MessageID, version(pass, stepMerges)}
	}
	columns := []string{"from_profile", "into_profile", "reason", "message_id", "version"}
	o := warehouse.InsertOptions{Token: token("merges", pass, rows)}
	if err := r.DB.Insert(ctx, "identity_merges", columns, rows, o); err != nil {
		return fmt.Errorf("writing merges: %w", err)
	}
	return r.applyMerges(ctx, version(pass, 0), version(pass, stepMerges))
}

// applyMerges brings older merges and all identifiers to the winners of the
// merges whose version is at least since.
func (r *Resolver) applyMerges(ctx context.Context, since, at uint64) error {
	for _, name := range []string{"compress", "apply"} {
		if err := r.exec(ctx, name, warehouse.P{"since_version": since, "version": at}); err != nil {
			return err
		}
	}
	return nil
}

// writeRefusals writes those that were not written before, and counts them.
func (r *Resolver) writeRefusals(ctx context.Context, refusals []refusal) (int, error) {
	const atOnce = 1000
	written := 0
	for len(refusals) > 0 {
		part := refusals[:min(atOnce, len(refusals))]
		refusals = refusals[len(part):]
		n, err := r.writeNewRefusals(ctx, part)
		if err != nil {
			return written, fmt.Errorf("writing refused links: %w", err)
		}
		written += n
	}
	return written, nil
}

func (r *Resolver) writeNewRefusals(ctx context.Context, part []refusal) (int, error) {
	values := make([]string, len(part))
	for i, f := range part {
		values[i] = f.Value
	}
	var known []struct {
		Kind   string `ch:"kind"`
		Value  string `ch:"value"`
		Reason string `ch:"reason"`
		ID     string `ch:"id"`
	}
	sql := "SELECT DISTINCT kind, value, reason, toString(profile_id) AS id FROM " + r.database() +
		".identity_refusals WHERE value IN {values:Array(String)}"
	if err := r.DB.Select(ctx, &known, sql, warehouse.P{"values": values}); err != nil {
		return 0, err
	}
	seen := make(map[string]bool, len(known))
	for _, k := range known {
		seen[k.Kind+"\x00"+k.Value+"\x00"+k.Reason+"\x00"+k.ID] = true
	}
	var rows [][]any
	for _, f := range part {
		id := f.Kind + "\x00" + f.Value + "\x00" + f.Reason + "\x00" + f.Profile.String()
		if seen[id] {
			continue
		}
		seen[id] = true
		rows = append(rows, []any{f.Kind, f.Value, f.Profile, f.Reason, f.MessageID})
	}
	if len(rows) == 0 {
		return 0, nil
	}
	columns := []string{"kind", "value", "profile_id", "reason", "message_id"}
	return len(rows), r.DB.Insert(ctx, "identity_refusals", columns, rows, warehouse.InsertOptions{Token: token("refusals", 0, rows)})
}

func (r *Resolver) writePass(ctx context.Context, done Report) error {
	rows := [][]any{{done.Pass, done.Until, uint64(done.Links), uint64(done.Merges), uint64(done.Refused)}}
	columns := []string{"pass", "until", "links", "merges", "refused"}
	if err := r.DB.Insert(ctx, "identity_passes", columns, rows, warehouse.InsertOptions{Token: token("pass", done.Pass, rows)}); err != nil {
		return fmt.Errorf("recording the pass: %w", err)
	}
	return nil
}

func (r *Resolver) exec(ctx context.Context, name string, args warehouse.P) error {
	sql, err := statement(name, r.database())
	if err != nil {
		return err
	}
	if err := r.DB.Exec(ctx, sql, args); err != nil {
		return fmt.Errorf("running identity statement %s: %w", name, err)
	}
	return nil
}

func (r *Resolver) read(ctx context.Context, dest any, name string, args warehouse.P) error {
	sql, err := statement(name, r.database())
	if err != nil {
		return err
	}
	if err := r.DB.Select(ctx, dest, sql, args); err != nil {
		return fmt.Errorf("reading identity statement %s: %w", name, err)
	}
	return nil
}

func with(args warehouse.P, name string, value any) warehouse.P {
	more := maps.Clone(args)
	more[name] = value
	return more
}

// token is an insert's deduplication token: what it is, and a hash of its content.
func token(what string, pass uint64, rows [][]any) string {
	h := sha256.New()
	for _, row := range rows {
		fmt.Fprintf(h, "%v\n", row)
	}
	return fmt.Sprintf("identity:%s:%d:%x", what, pass, h.Sum(nil)[:12])
}
