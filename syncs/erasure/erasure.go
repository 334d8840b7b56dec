package erasure

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/tailrace/tailrace/audiences/identity"
	"github.com/tailrace/tailrace/jobs"
	"github.com/tailrace/tailrace/syncs"
	"github.com/tailrace/tailrace/warehouse"
)

// TaskErase is the kind of task that takes an erasure further; its id is an erasure's.
const TaskErase = "privacy.erase"

// ErrNotFound is returned for an erasure that isn't there.
var ErrNotFound = errors.New("not found")

// Kinds are the kinds of identifiers that people can be named by.
var Kinds = []string{"profile_id", "user_id", "anonymous_id", "email"}

// MaxPeople is how many identifiers one erasure takes.
const MaxPeople = 10_000

// Options of an Engine. DB and Syncs are required.
type Options struct {
	DB    *warehouse.DB
	Syncs *syncs.Engine
	Queue syncs.Enqueuer // nil: nobody is told, Step does the work
	Now   func() time.Time
	Log   *slog.Logger
	// Logs writes out what this process's collector has accepted and lets go of the log's files; nil where it has none.
	Logs func(ctx context.Context) error
	// Collector names this process's collector for as long as its log lives, and Host the machine, for people.
	Collector, Host string
	// LogsFor is how long an erasure waits for the logs of other collectors before a person is told; zero means ten minutes.
	LogsFor time.Duration
	// Dir is the data folder, whose files are looked through; "" has none.
	Dir string
	// Tries is how often a removal that a destination didn't take is tried again before it is left to a person; zero means 3.
	Tries int
	// PartsFor is how long the engine may take to delete the parts that it has put aside before a person is told; zero means
	// an hour, less than zero not to wait.
	PartsFor time.Duration
}

// Engine erases people. It is safe for concurrent use, by many processes too.
type Engine struct {
	o  Options
	db *warehouse.DB

	mu   sync.Mutex
	seen time.Time // when this process's collector last said that it is there
}

// New makes an engine. It does no I/O.
func New(o Options) *Engine {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Tries == 0 {
		o.Tries = 3
	}
	if o.PartsFor == 0 {
		o.PartsFor = time.Hour
	}
	if o.LogsFor == 0 {
		o.LogsFor = 10 * time.Minute
	}
	return &Engine{o: o, db: o.DB}
}

func (e *Engine) now() time.Time { return e.o.Now().UTC().Truncate(time.Millisecond) }

func (e *Engine) table(name string) string {
	return warehouse.QuoteIdentifier(e.db.Database()) + "." + warehouse.QuoteIdentifier(name)
}

// Identifier names a person by one of their identifiers.
type Identifier struct {
	Kind  string `json:"kind" ch:"kind"`
	Value string `json:"value" ch:"value"`
}

// Stored is the value as it is stored and compared: of e-mail addresses and
// profile ids without regard to case and outer space.
func (id Identifier) Stored() string {
	if id.Kind == "email" || id.Kind == "profile_id" {
		return strings.ToLower(strings.TrimSpace(id.Value))
	}
	return id.Value
}

// IdentifierError is an identifier that can't name one person.
type IdentifierError struct {
	Item   int // index into those given
	Reason string
}

// Error says which one, not its value.
func (e *IdentifierError) Error() string {
	return fmt.Sprintf("identifier %d: %s", e.Item+1, e.Reason)
}

// check refuses what names nobody or thousands.
func check(ids []Identifier) error {
	for i, id := range ids {
		switch value := strings.ToLower(strings.TrimSpace(id.Value)); {
		case !slices.Contains(Kinds, id.Kind):
			return &IdentifierError{i, "its kind is none of " + strings.Join(Kinds, ", ")}
		case slices.Contains(identity.BlockedValues, value):
			return &IdentifierError{i, "its value names nobody: programs send it when they know no identifier"}
		case id.Kind == "email" && !strings.Contains(value, "@"):
			return &IdentifierError{i, "its value is no e-mail address"}
		case id.Kind == "profile_id" && uuid.Validate(value) != nil:
			return &IdentifierError{i, "its value is no profile id"}
		}
	}
	return nil
}

// Request records an erasure of the people behind the identifiers and returns it. They are suppressed when it returns,
// so that nothing more about them leaves. reason is for the record, such as a ticket's number, and must name nobody.
// Errors: *IdentifierError.
func (e *Engine) Request(ctx context.Context, ids []Identifier, actor, reason string) (Erasure, error) {
	if err := check(ids); err != nil {
		return Erasure{}, err
	}
	out := Erasure{ID: uuid.Must(uuid.NewV7()).String(), Seq: 1, State: Requested, At: e.now(), Actor: actor, Reason: reason,
		People: uint64(len(ids)), Counts: map[string]uint64{}}
	if err := e.findSubjects(ctx, out.ID, ids); err != nil {
		return out, fmt.Errorf("finding who is to be erased: %w", err)
	}
	// Before anything that takes long: whatever is planned from here on leaves them out.
	if err := e.suppress(ctx, out.ID, actor); err != nil {
		return out, fmt.Errorf("suppressing who is to be erased: %w", err)
	}
	out.At = e.now() // runs that were opened before are waited for
	if _, err := e.keepRemovals(ctx, out.ID); err != nil {
		return out, fmt.Errorf("finding what destinations hold: %w", err)
	}
	if err := e.append(ctx, &out); err != nil {
		return out, fmt.Errorf("recording the erasure: %w", err)
	}
	e.enqueue(ctx, out.ID)
	return out, nil
}

func (e *Engine) enqueue(ctx context.Context, id string) {
	if e.o.Queue == nil {
		return
	}
	if err := e.o.Queue.Enqueue(ctx, TaskErase, id); err != nil {
		e.o.Log.Warn("the queue didn't take an erasure; it will be found again", "erasure", id, "error", err)
	}
}

// Unfinished names every erasure that isn't over.
func (e *Engine) Unfinished(ctx context.Context) ([]jobs.Task, error) {
	var ids []string
	err := e.db.Select(ctx, &ids, "SELECT erasure_id FROM "+e.table("erasures")+
		" GROUP BY erasure_id HAVING argMax(state, seq) IN ('requested', 'removing', 'erasing', 'verifying') ORDER BY erasure_id LIMIT 1000")
	if err != nil {
		return nil, fmt.Errorf("looking for unfinished erasures: %w", err)
	}
	tasks := make([]jobs.Task, len(ids))
	for i, id := range ids {
		tasks[i] = jobs.Task{Kind: TaskErase, ID: id}
	}
	return tasks, nil
}
