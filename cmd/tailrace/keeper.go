package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tailrace/tailrace/api"
	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/warehouse"
)

// keeper holds the project in force: it reads the files, publishes a valid project as a bundle in the warehouse, and
// keeps the last good one when the files are broken. Every process of a fleet runs the newest published bundle.
type keeper struct {
	db      *warehouse.DB
	dir     string // empty: this process has no files and follows the bundles
	log     *slog.Logger
	columns func(context.Context, *project.Project, project.Diagnostics) (project.Diagnostics, error) // what the warehouse knows
	use     func(*project.Project)                                                                    // told of every project that comes into force
	apply   func(context.Context, *project.Project) error                                             // makes the warehouse follow one; repeatable
	trust   bool                                                                                      // the newest bundle was applied: don't do it again

	current atomic.Pointer[project.Project]
	read    atomic.Pointer[project.Project] // as it was read last, errors or not
	state   atomic.Pointer[api.ReloadResult]
	mu      sync.Mutex // one reload at a time
}

// project returns the project in force, never nil.
func (k *keeper) project() *project.Project { return k.current.Load() }

// hasFiles reports whether a folder holds a project.
func hasFiles(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "tailrace.yml"))
	return err == nil
}

// start brings a project into force: the folder's when it is good, else the newest bundle, else an empty one.
func (k *keeper) start(ctx context.Context) error {
	k.current.Store(&project.Project{})
	if err := k.follow(ctx); err != nil {
		return err
	}
	if k.dir == "" {
		return nil
	}
	result, err := k.reload(ctx)
	if err != nil {
		return err
	}
	if !result.Published {
		k.log.Error("the project has errors; the last good one stays in force", "folder", k.dir, "errors", len(result.Diagnostics.Errors()))
	}
	return nil
}

// validate checks a bundle without bringing it into force.
func (k *keeper) validate(ctx context.Context, bundle []byte) (project.Diagnostics, error) {
	p, found, err := project.FromBundle(bundle, os.LookupEnv)
	if err != nil {
		return nil, err
	}
	return k.check(ctx, p, found)
}

// check holds a project that was read against the connectors and the warehouse; found is what reading it found.
func (k *keeper) check(ctx context.Context, p *project.Project, found project.Diagnostics) (project.Diagnostics, error) {
	found = found.With(checkProject(p, found))
	if k.columns != nil {
		more, err := k.columns(ctx, p, found)
		if err != nil {
			return nil, fmt.Errorf("asking the warehouse for columns: %w", err)
		}
		found = found.With(more)
	}
	found.Sort()
	return found, nil
}

// reload reads the files now. Errors in them are in the result; an error is of the machinery.
func (k *keeper) reload(ctx context.Context) (api.ReloadResult, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.dir == "" {
		return api.ReloadResult{}, errors.New("this server has no project folder: start it with --project")
	}
	p, found := project.Load(k.dir, os.LookupEnv)
	k.read.Store(p)
	if k.trust && p.Hash == k.current.Load().Hash && len(found.Errors()) == 0 {
		return api.ReloadResult{Hash: p.Hash, Published: true, Diagnostics: found}, nil
	}
	found, err := k.check(ctx, p, found)
	if err != nil {
		return api.ReloadResult{}, err
	}
	result := api.ReloadResult{Hash: k.current.Load().Hash, Diagnostics: found}
	if len(found.Errors()) == 0 {
		if err := k.publish(ctx, p); err != nil {
			return api.ReloadResult{}, err
		}
		result.Hash, result.Published = p.Hash, true
	}
	k.state.Store(&result)
	return result, nil
}

// publish brings a project into force and then makes it the newest bundle: so the newest bundle is always applied.
func (k *keeper) publish(ctx context.Context, p *project.Project) error {
	if err := k.put(ctx, p, true); err != nil {
		return err
	}
	newest, err := k.newest(ctx, false)
	if err != nil || newest.Hash == p.Hash {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	err = k.db.Insert(ctx, k.db.Database()+".projects", []string{"hash", "bundle", "published_at", "published_by"},
		[][]any{{p.Hash, string(p.Bundle()), time.Now().UTC(), host}}, warehouse.InsertOptions{})
	if err != nil {
		return fmt.Errorf("publishing the project: %w", err)
	}
	return nil
}

// put brings a project into force. The warehouse follows after it is current, since the parts read it there; what they
// can't do now (a warehouse that is away) they do at the next reload.
func (k *keeper) put(ctx context.Context, p *project.Project, apply bool) error {
	if old := k.current.Swap(p); old.Hash != p.Hash {
		k.log.Info("project in force", "hash", p.Hash[:12], "audiences", len(p.Audiences), "traits", len(p.Traits), "syncs", len(p.Syncs))
	}
	k.use(p)
	if !apply {
		return nil
	}
	if err := k.apply(ctx, p); err != nil {
		return fmt.Errorf("bringing project %.12s into force: %w", p.Hash, err)
	}
	return nil
}

type bundleRow struct {
	Hash   string `ch:"hash"`
	Bundle string `ch:"bundle"`
}

func (k *keeper) newest(ctx context.Context, whole bool) (bundleRow, error) {
	column := "'' AS bundle"
	if whole {
		column = "bundle"
	}
	var row bundleRow
	err := k.db.Get(ctx, &row, "SELECT hash, "+column+" FROM "+k.db.Database()+".projects ORDER BY published_at DESC LIMIT 1")
	if errors.Is(err, warehouse.ErrNoRows) {
		return row, nil
	}
	if err != nil {
		return row, fmt.Errorf("reading the published project: %w", err)
	}
	return row, nil
}

// follow brings the newest published bundle into force, if it is another than the one that is.
func (k *keeper) follow(ctx context.Context) error {
	newest, err := k.newest(ctx, false)
	if err != nil || newest.Hash == "" || newest.Hash == k.current.Load().Hash {
		return err
	}
	if newest, err = k.newest(ctx, true); err != nil {
		return err
	}
	p, found, err := project.FromBundle([]byte(newest.Bundle), os.LookupEnv)
	if err != nil {
		return fmt.Errorf("reading the published project: %w", err)
	}
	if bad := found.Errors(); len(bad) > 0 {
		k.log.Error("the published project doesn't load here; is a variable missing in this process's environment?", "first", bad[0].String())
		return nil
	}
	return k.put(ctx, p, false)
}

// run picks up changed files, or newer bundles, until ctx ends.
func (k *keeper) run(ctx context.Context) error {
	if k.dir == "" {
		return every(ctx, 5*time.Second, func() {
			if err := k.follow(ctx); err != nil && ctx.Err() == nil {
				k.log.Warn("following the published project", "error", err)
			}
		})
	}
	w := &project.Watcher{Dir: k.dir, Now: time.Now, Loaded: k.read.Load()}
	return w.Run(ctx, func(ctx context.Context) {
		result, err := k.reload(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			k.log.Error("reloading the project", "error", err)
		case err == nil && !result.Published:
			for _, d := range result.Diagnostics.Errors() {
				k.log.Error("the project has errors; the last good one stays in force", "at", d.String())
			}
		}
	})
}

// every calls fn at each tick until ctx ends.
func every(ctx context.Context, d time.Duration, fn func()) error {
	ticker := time.NewTicker(d)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			fn()
		}
	}
}
