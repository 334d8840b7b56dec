package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/tailrace/tailrace/audiences"
	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/syncs"
	"github.com/tailrace/tailrace/warehouse"
)

// alerts tells the address in tailrace.yml what needs a person: runs of syncs that failed, got only part through or are
// held, and versions of audiences that failed or are held. What is to be told is written down first, so that a restart
// neither forgets nor repeats it: at least once, under the same webhook-id.
type alerts struct{ app *app }

// alert is one thing that a person should know. It holds no personal data and no vendor's words.
type alert struct {
	ID     string    `json:"id" ch:"alert_id"`
	Type   string    `json:"type" ch:"type"` // run.failed, run.partial, run.held, version.failed, version.held, ledger.restored
	Name   string    `json:"name" ch:"name"` // of the sync, audience or trait
	Object string    `json:"object" ch:"object"`
	Text   string    `json:"text" ch:"text"`
	Next   string    `json:"next" ch:"next"`
	At     time.Time `json:"at" ch:"at"`
	State  string    `json:"state" ch:"state"` // pending, sent, given_up
	Tries  uint32    `json:"tries" ch:"tries"`
	DueAt  time.Time `json:"-" ch:"due_at"`
}

const (
	alertsLookBack = 24 * time.Hour
	alertsGiveUp   = 24 * time.Hour
	alertPending   = "pending"
	alertSent      = "sent"
	alertGivenUp   = "given_up"
)

// run looks every few seconds, while this process leads.
func (w *alerts) run(ctx context.Context) error {
	gate := &changeGate{db: w.app.db, tables: []string{"sync_runs", "materialization_log", "ledger_epochs"}, atLeast: time.Minute}
	var retry time.Time
	return every(ctx, time.Second, func() {
		to := w.app.keeper.project().Config.Alerts
		if to.Webhook.IsZero() {
			return
		}
		worth, err := gate.open(ctx)
		if err == nil && (worth || !retry.IsZero() && time.Now().After(retry)) {
			retry, err = w.once(ctx, to, time.Now().UTC())
		}
		if err != nil && ctx.Err() == nil {
			w.app.log.Warn("sending alerts", "error", err)
		}
	})
}

// once writes down what is new and sends what is due; retry is when the next that wasn't taken is due again.
func (w *alerts) once(ctx context.Context, to project.Alerts, now time.Time) (retry time.Time, err error) {
	known, err := w.list(ctx, now.Add(-2*alertsLookBack))
	if err != nil {
		return retry, err
	}
	found, err := w.find(ctx, to, now.Add(-alertsLookBack))
	if err != nil {
		return retry, err
	}
	var fresh []alert
	for _, a := range found {
		if !slices.ContainsFunc(known, func(k alert) bool { return k.ID == a.ID }) {
			a.State, a.DueAt = alertPending, now
			fresh = append(fresh, a)
		}
	}
	if err := w.record(ctx, fresh); err != nil {
		return retry, err
	}
	for _, a := range append(fresh, known...) {
		if a.State != alertPending {
			continue
		}
		if !a.DueAt.After(now) {
			if err := w.try(ctx, &a, now); err != nil {
				return retry, err
			}
		}
		if a.State == alertPending && (retry.IsZero() || a.DueAt.Before(retry)) {
			retry = a.DueAt
		}
	}
	return retry, nil
}

// try sends one alert and writes down what became of it.
func (w *alerts) try(ctx context.Context, a *alert, now time.Time) error {
	a.Tries++
	err := sendAlert(ctx, w.app.keeper.project(), *a, now)
	switch {
	case err == nil:
		a.State = alertSent
	case now.Sub(a.At) > alertsGiveUp:
		a.State = alertGivenUp
	default:
		a.DueAt = now.Add(min(time.Hour, time.Second<<min(a.Tries, 12)))
	}
	if err != nil {
		w.app.log.Warn("an alert was not taken", "type", a.Type, "name", a.Name, "tries", a.Tries, "state", a.State, "error", err)
	}
	return w.record(ctx, []alert{*a})
}

// find lists what happened since and needs a person. Of several in a row that ended alike only the first is told.
func (w *alerts) find(ctx context.Context, to project.Alerts, since time.Time) ([]alert, error) {
	var out []alert
	defined, err := w.app.syncs.Syncs(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range defined {
		runs, _, err := w.app.syncs.Runs(ctx, syncs.RunFilter{Sync: s.Name, Limit: 50})
		if err != nil {
			return nil, err
		}
		runs = slices.DeleteFunc(runs, func(r syncs.Run) bool { return r.DryRun })
		for i, r := range runs {
			// What a newer run superseded was held until then.
			first := i+1 == len(runs) || runs[i+1].State != r.State && !(r.State == syncs.Held && runs[i+1].Reason == syncs.Superseded)
			if first && to.Tells(string(r.State)) && r.At.After(since) {
				out = append(out, runAlert(s.Name, r))
			}
		}
	}
	epochs, err := w.app.syncs.Epochs(ctx)
	if err != nil {
		return nil, err
	}
	for _, e := range epochs {
		if !e.Over() && e.At.After(since) && to.Tells(string(syncs.Held)) {
			a := newAlert("ledger.restored", e.ID, "ledger", e.At)
			a.Text = "All syncs are held: " + e.Reason + "."
			a.Next = "See which with `tailrace syncs list`; bring them in line, then `tailrace syncs release`."
			out = append(out, a)
		}
	}
	p := w.app.keeper.project()
	for _, f := range slices.Concat(p.Traits, p.Audiences) {
		versions, err := w.app.audiences.Versions(ctx, f.Kind, f.Name, audiences.VersionsOptions{Limit: 20})
		if err != nil {
			return nil, err
		}
		for i, v := range versions.Items {
			first := i+1 == len(versions.Items) || versions.Items[i+1].State != v.State
			if first && to.Tells(string(v.State)) && v.UpdatedAt.After(since) {
				out = append(out, versionAlert(v))
			}
		}
	}
	return out, nil
}

func versionAlert(v audiences.Materialization) alert {
	a := newAlert("version."+string(v.State), v.ID, v.Name, v.UpdatedAt)
	if v.State == audiences.StateHeld {
		a.Text = fmt.Sprintf("Version %d of %s %s is held: %s.", v.Version, v.Kind, v.Name, v.Reason)
		a.Next = fmt.Sprintf("Look at it with `tailrace %ss show %s`, then approve or discard it. Until then the last version stays in force.", v.Kind, v.Name)
	} else {
		a.Text = fmt.Sprintf("Version %d of %s %s failed; the last good one stays in force.", v.Version, v.Kind, v.Name)
		a.Next = fmt.Sprintf("See why with `tailrace %ss show %s`.", v.Kind, v.Name)
	}
	return a
}

func newAlert(kind, object, name string, at time.Time) alert {
	return alert{ID: uuid.NewSHA1(uuid.NameSpaceOID, []byte(kind+"\x00"+object)).String(), Type: kind, Object: object, Name: name, At: at}
}

func runAlert(name string, r syncs.Run) alert {
	a := newAlert("run."+string(r.State), r.ID, name, r.At)
	sums := r.Sums()
	switch r.State {
	case syncs.Held:
		a.Text = fmt.Sprintf("Sync %s is held: %s.", name, r.Reason)
		a.Next = "Look at it with `tailrace runs changes " + r.ID + "`, then approve or discard it."
	case syncs.Partial:
		a.Text = fmt.Sprintf("Sync %s got only part through: %d accepted, %d rejected, %d unknown.", name, sums.Accepted, sums.Rejected, sums.Unknown)
		a.Next = "See why with `tailrace runs show " + r.ID + "`; `tailrace runs retry " + r.ID + "` tries again."
	default:
		a.Text = fmt.Sprintf("Sync %s failed.", name)
		a.Next = "See why with `tailrace runs show " + r.ID + "`."
	}
	return a
}

// body is what is sent: one sentence for people, and the parts for programs.
func (a alert) body() ([]byte, error) {
	body, err := json.Marshal(map[string]any{"type": a.Type, "timestamp": a.At.UTC().Format(time.RFC3339), "text": a.Text + " " + a.Next,
		"data": map[string]any{"id": a.ID, "name": a.Name, "object": a.Object, "text": a.Text, "next": a.Next}})
	if err != nil {
		return nil, fmt.Errorf("encoding an alert: %w", err)
	}
	return body, nil
}

func (w *alerts) list(ctx context.Context, since time.Time) (out []alert, err error) {
	err = w.app.db.Select(ctx, &out, "SELECT alert_id, type, name, object, text, next, at, state, tries, due_at FROM alerts FINAL WHERE at >= ? ORDER BY at DESC LIMIT 1000", since)
	if err != nil {
		return nil, fmt.Errorf("reading alerts: %w", err)
	}
	return out, nil
}

func (w *alerts) record(ctx context.Context, as []alert) error {
	if len(as) == 0 {
		return nil
	}
	var rows [][]any
	for _, a := range as {
		rows = append(rows, []any{a.ID, a.Type, a.Name, a.Object, a.Text, a.Next, a.At, a.State, a.Tries, a.DueAt, uint64(a.Tries)})
	}
	err := w.app.db.Insert(ctx, "alerts", []string{"alert_id", "type", "name", "object", "text", "next", "at", "state", "tries", "due_at", "version"}, rows, warehouse.InsertOptions{})
	if err != nil {
		return fmt.Errorf("recording alerts: %w", err)
	}
	return nil
}
