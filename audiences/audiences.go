package audiences

import (
	"context"
	"log/slog"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/tailrace/tailrace/jobs"
	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/warehouse"
)

// TaskMaterialize is the kind of the tasks that [Audiences.Run] handles; their
// id is a materialization's.
const TaskMaterialize = "materialize"

// Enqueuer is what is needed of the queue. *jobs.Queue is one.
type Enqueuer interface {
	Enqueue(ctx context.Context, kind, id string, opts ...jobs.EnqueueOption) error
}

// Limits are defaults for what files don't say.
type Limits struct {
	// MaxShrink is the share of members, in percent, that may leave at once; 50.
	MaxShrink project.Percent
	// MinMembers is how many members there must be for MaxShrink to count; 100.
	MinMembers uint64
	// Pause is how long an on_change file rests at least after its last attempt; 5 s.
	Pause time.Duration
	// KeepFor is how long a version that was superseded stays readable; an hour.
	KeepFor time.Duration
	// Attempts is how often a materialization whose worker died is tried; 5.
	Attempts int
}

// Options say what an Audiences works with. All but Limits are needed.
type Options struct {
	DB      *warehouse.DB
	Project func() *project.Project // the published one; nil while there is none
	Queue   Enqueuer
	Now     func() time.Time
	Log     *slog.Logger
	Limits  Limits
}

// Audiences materializes models, traits and audiences. It is safe for
// concurrent use, also by several processes.
type Audiences struct {
	db      *warehouse.DB
	project func() *project.Project
	queue   Enqueuer
	now     func() time.Time
	log     *slog.Logger
	limits  Limits
	worker  string

	revealing sync.Mutex // one version at a time from its changes to its published row
	deciding  sync.Mutex // one decision about a held version at a time
	viewing   sync.Mutex // one change of views at a time

	looking sync.Mutex
	looks   map[string]externalLook // by table and freshness column
}

// New makes an Audiences. It does no work yet.
func New(o Options) *Audiences {
	l := o.Limits
	if l.MaxShrink == 0 {
		l.MaxShrink = 50
	}
	if l.MinMembers == 0 {
		l.MinMembers = 100
	}
	if l.Pause == 0 {
		l.Pause = 5 * time.Second
	}
	if l.KeepFor == 0 {
		l.KeepFor = time.Hour
	}
	if l.Attempts == 0 {
		l.Attempts = 5
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return &Audiences{
		db: o.DB, project: o.Project, queue: o.Queue, now: o.Now, log: o.Log, limits: l,
		looks: map[string]externalLook{}, worker: host + ":" + strconv.Itoa(os.Getpid()),
	}
}

// table quotes a table of the data database.
func (a *Audiences) table(name string) string {
	return warehouse.QuoteIdentifier(a.db.Database()) + "." + warehouse.QuoteIdentifier(name)
}

// view quotes a view of the project's database.
func (a *Audiences) view(name string) string {
	return warehouse.QuoteIdentifier(a.db.ProjectDatabase()) + "." + warehouse.QuoteIdentifier(name)
}

// clock is now in UTC with the warehouse's resolution.
func (a *Audiences) clock() time.Time { return a.now().UTC().Truncate(time.Millisecond) }
