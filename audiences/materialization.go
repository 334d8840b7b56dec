package audiences

import (
	"time"

	"github.com/tailrace/tailrace/project"
)

// State is where a version is in its life; doc.go draws it.
type State string

// The states of a version.
const (
	StateQueued     State = "queued"
	StateComputing  State = "computing"
	StateComputed   State = "computed"
	StateChecked    State = "checked"
	StateHeld       State = "held"
	StatePublished  State = "published"
	StateUnchanged  State = "unchanged"
	StateDiscarded  State = "discarded"
	StateFailed     State = "failed"
	StateSuperseded State = "superseded"
)

// Over tells whether nothing follows the state.
func (s State) Over() bool {
	switch s {
	case StatePublished, StateUnchanged, StateDiscarded, StateFailed, StateSuperseded:
		return true
	}
	return false
}

// Running tells whether a worker has to go on with it.
func (s State) Running() bool { return !s.Over() && s != StateHeld }

// Trigger is why a version was started.
type Trigger string

// The triggers.
const (
	TriggerChange   Trigger = "change"   // what it reads, or the file, has changed
	TriggerSchedule Trigger = "schedule" // a due slot
	TriggerAfter    Trigger = "after"    // something it waits for was published
	TriggerPerson   Trigger = "person"
	TriggerAPI      Trigger = "api"
	TriggerCLI      Trigger = "cli"
)

// Column is a column of a result.
type Column struct {
	Name        string `json:"name"`
	Type        string `json:"type"` // as ClickHouse writes it
	Description string `json:"description,omitempty"`
}

// Materialization is one version of a trait or an audience.
type Materialization struct {
	ID          string       `json:"id"`
	Kind        project.Kind `json:"kind"`
	Name        string       `json:"name"`
	Version     uint64       `json:"version"`
	State       State        `json:"state"`
	LogicalTime time.Time    `json:"logical_time"` // what now() means in its SQL
	QueuedAt    time.Time    `json:"queued_at"`
	UpdatedAt   time.Time    `json:"updated_at"`
	Trigger     Trigger      `json:"trigger"`
	Actor       string       `json:"actor,omitempty"`
	// What it was made of: the project, the file's fingerprint, and the versions and watermarks of what it read.
	ProjectHash    string            `json:"project_hash,omitempty"`
	RowFingerprint string            `json:"row_fingerprint,omitempty"`
	InputVersions  map[string]string `json:"input_versions,omitempty"`
	// Where its rows are: table, in the partition of its version.
	Table   string   `json:"table,omitempty"`
	Columns []Column `json:"columns,omitempty"` // the first is the key
	Rows    uint64   `json:"rows"`
	Entered uint64   `json:"entered"`
	Exited  uint64   `json:"exited"`
	// DroppedKeys are rows that were left out because their key was empty or names nobody.
	DroppedKeys uint64 `json:"dropped_keys"`
	// UnresolvedKeys are members whose user_id, anonymous_id or email no event has named; they are profiles of their own.
	UnresolvedKeys uint64 `json:"unresolved_keys"`
	Checksum       string `json:"checksum,omitempty"`
	Reason         string `json:"reason,omitempty"` // why it is held, or what is worth knowing
	// Warnings are the checks of severity warn that didn't pass, each with its place. They hold nothing.
	Warnings []string `json:"warnings,omitempty"`
	Error    string   `json:"error,omitempty"`

	seq uint32
}
