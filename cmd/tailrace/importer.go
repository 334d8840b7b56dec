package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/tailrace/tailrace/api"
)

// importSum is what an import did.
type importSum struct {
	Rows    int `json:"rows"`
	Sent    int `json:"sent"`
	Outside int `json:"outside_dates"`
	Bad     int `json:"bad_rows"`
	Aside   int `json:"set_aside"` // by the collector, with the reason in events_rejected
	Line    int `json:"line"`      // the last line that is safely accepted
}

type importer struct {
	client           *client
	key, name, path  string
	mapping          importMapping
	window           importWindow
	checkpoint       string
	errs             io.Writer
	quiet            bool
	sum              importSum
	batch            [][]byte
	batchBytes, line int
}

// run reads the file and sends it in batches; after each accepted batch the line is written down, so that the same
// command goes on from there.
func (i *importer) run(ctx context.Context) (importSum, error) {
	f, err := os.Open(i.path)
	if err != nil {
		return i.sum, fmt.Errorf("opening the file: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return i.sum, fmt.Errorf("reading the file's size: %w", err)
	}
	if err := i.resume(); err != nil {
		return i.sum, err
	}
	progress, done := i.progress(info.Size())
	defer done()
	rows, err := newRowReader(progress(f), i.path, i.mapping)
	if err != nil {
		return i.sum, err
	}
	after := i.sum.Line
	for {
		line, row, object, err := rows.Next()
		switch {
		case errors.Is(err, io.EOF):
			if err := i.flush(ctx); err != nil {
				return i.sum, err
			}
			return i.sum, i.forget()
		case isRowError(err):
			if line > after {
				i.bad(line, err)
			}
			continue
		case err != nil:
			return i.sum, fmt.Errorf("reading %s: %w", i.path, err)
		}
		if line <= after {
			continue
		}
		if err := i.add(ctx, line, row, object); err != nil {
			return i.sum, err
		}
	}
}

func (i *importer) bad(line int, err error) {
	i.sum.Rows++
	i.sum.Bad++
	if i.sum.Bad <= 20 {
		fmt.Fprintf(i.errs, "%s:%d: %s\n", i.path, line, err)
	}
}

func (i *importer) add(ctx context.Context, line int, row map[string]string, object json.RawMessage) error {
	event := []byte(object)
	if object != nil && i.mapping.Event == "" && i.mapping.UserID == "" {
		var times struct{ OriginalTimestamp, Timestamp string }
		if err := json.Unmarshal(object, &times); err == nil { // the collector says what is wrong with it
			if at, err := time.Parse(time.RFC3339, cmp.Or(times.OriginalTimestamp, times.Timestamp)); err == nil && !i.window.holds(at) {
				i.sum.Rows++
				i.sum.Outside++
				return nil
			}
		}
	}
	if object == nil || i.mapping.Event != "" || i.mapping.UserID != "" {
		i.mapping.jsonLines = object != nil
		body, err := i.mapping.event(i.name, line, row)
		if err != nil {
			i.bad(line, err)
			return nil
		}
		if at, err := time.Parse(time.RFC3339, fmt.Sprint(body["timestamp"])); err == nil && !i.window.holds(at) {
			i.sum.Rows++
			i.sum.Outside++
			return nil
		}
		if event, err = json.Marshal(body); err != nil {
			return fmt.Errorf("encoding line %d: %w", line, err)
		}
	}
	if len(i.batch) >= importBodyRows || i.batchBytes+len(event) > importBodyBytes {
		if err := i.flush(ctx); err != nil {
			return err
		}
	}
	i.sum.Rows++
	i.batch = append(i.batch, event)
	i.batchBytes += len(event) + 1
	i.line = line
	return nil
}

// flush sends the batch; a full log (503) or a throttle (429) is waited for.
func (i *importer) flush(ctx context.Context) error {
	if len(i.batch) == 0 {
		return nil
	}
	body := slicesJoin(i.batch)
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, i.client.base+"/v1/import", bytes.NewReader(body))
		if err != nil {
			return fmt.Errorf("making a request: %w", err)
		}
		req.SetBasicAuth(i.key, "")
		req.Header.Set("Content-Type", "application/json")
		res, err := i.client.doer.Do(req)
		if err != nil {
			return fmt.Errorf("sending up to line %d: %w", i.line, err)
		}
		wait := time.Second
		if s, err := time.ParseDuration(res.Header.Get("Retry-After") + "s"); err == nil {
			wait = s
		}
		status := res.StatusCode
		if status != http.StatusOK && status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable {
			defer res.Body.Close()
			return fmt.Errorf("sending up to line %d: %w", i.line, readProblem(res))
		}
		var answer struct {
			Rejected int `json:"rejected"`
		}
		err = json.NewDecoder(res.Body).Decode(&answer)
		if err = errors.Join(err, res.Body.Close()); err != nil {
			return fmt.Errorf("reading the collector's answer: %w", err)
		}
		if status == http.StatusOK {
			i.sum.Sent += len(i.batch) - answer.Rejected
			i.sum.Aside += answer.Rejected
			i.batch, i.batchBytes = nil, 0
			return i.remember()
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func slicesJoin(events [][]byte) []byte {
	return append(append([]byte(`{"batch":[`), bytes.Join(events, []byte(","))...), `]}`...)
}

func (i *importer) resume() error {
	raw, err := os.ReadFile(i.checkpoint)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &i.sum)
	}
	if err != nil {
		return fmt.Errorf("reading where the import stopped (%s; delete it to begin anew): %w", i.checkpoint, err)
	}
	fmt.Fprintf(i.errs, "going on after line %s\n", count(i.sum.Line))
	return nil
}

func (i *importer) remember() error {
	i.sum.Line = i.line
	raw, err := json.Marshal(i.sum)
	if err != nil {
		return fmt.Errorf("noting where the import is: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(i.checkpoint), 0o755); err != nil {
		return fmt.Errorf("noting where the import is: %w", err)
	}
	if err := os.WriteFile(i.checkpoint, raw, 0o600); err != nil {
		return fmt.Errorf("noting where the import is: %w", err)
	}
	return nil
}

func (i *importer) forget() error {
	if err := os.Remove(i.checkpoint); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("ending the import: %w", err)
	}
	return nil
}

// progress returns a wrapper of the file that moves a bar, where a person watches.
func (i *importer) progress(size int64) (wrap func(io.Reader) io.Reader, done func()) {
	if i.quiet {
		return func(r io.Reader) io.Reader { return r }, func() {}
	}
	p := mpb.New(mpb.WithOutput(i.errs), mpb.WithWidth(48))
	bar := p.AddBar(size, mpb.PrependDecorators(decor.Name(i.name+" ")), mpb.AppendDecorators(decor.Percentage(), decor.Name(" "), decor.AverageETA(decor.ET_STYLE_GO)))
	return func(r io.Reader) io.Reader { return io.TeeReader(r, barWriter{bar}) }, func() {
		if !bar.Completed() {
			bar.Abort(false)
		}
		p.Wait()
	}
}

// barWriter moves a bar by what passes.
type barWriter struct{ bar *mpb.Bar }

func (b barWriter) Write(p []byte) (int, error) {
	b.bar.IncrBy(len(p))
	return len(p), nil
}

// waitLoaded waits until every accepted event is in the warehouse.
func (c *client) waitLoaded(ctx context.Context) error {
	return poll(ctx, func() (bool, error) {
		var stats api.CollectorStats
		err := c.get(ctx, "/api/v1/collector", nil, &stats)
		return stats.PendingBytes == 0, err
	})
}
