package connectors

import (
	"context"
	"time"
)

// Lister iterates the members of a target. It stops at the first error of yield.
type Lister interface {
	List(ctx context.Context, object, target string, yield func(Member) error) error
}

// Member is one thing that a destination holds.
type Member struct {
	Ref    string
	IDs    map[string]string
	Fields map[string]Value
}

// Counter tells the size of a target.
type Counter interface {
	Count(ctx context.Context, object, target string) (Count, error)
}

// Count is a size and how far to trust it.
type Count struct {
	N     int64
	Exact bool
	AsOf  time.Time
}

// Looker asks whether rows arrived: one Found per row of the batch, in order.
type Looker interface {
	Look(ctx context.Context, b Batch) ([]Found, error)
}

// Presence of a row at the vendor. The zero value is unknown.
type Presence uint8

// The presences.
const (
	PresenceUnknown Presence = iota
	Present
	Absent
)

// Found is what a lookup says of one row.
type Found struct {
	Presence Presence
	Ref      string
}

// Describer tells what there is, for mapping and completion.
type Describer interface {
	Describe(ctx context.Context) ([]Described, error)
}

// Described is an object with the fields and targets that the account has.
type Described struct {
	Object  string
	Fields  map[string]string // name → the vendor's type
	Targets map[string]string // id → name
}

// Refresher gets a new access token. The Destination calls it at most once per
// refused request, single flight, and hands the result to Options.Store.
type Refresher interface {
	Refresh(ctx context.Context) (map[string]Secret, error)
}

// Tester makes one harmless call.
type Tester interface {
	Test(ctx context.Context) (Account, error)
}

// Account is who the credential belongs to. Fingerprint is part of the
// destination's identity: another one is a first sync.
type Account struct {
	Fingerprint string   `json:"fingerprint"`
	Name        string   `json:"name"`
	Missing     []string `json:"missing_rights,omitempty"` // rights that are missing
	Standin     bool     `json:"standin"`                  // set by the Destination from the answer's header
}

// Poller asks for the outcome of a ticket, with one result per row of b once
// it is known, and the ticket again while it isn't. It changes nothing.
type Poller interface {
	Poll(ctx context.Context, t Ticket, b Batch) (Answer, error)
}

// Sizer tells encoded sizes, as upper bounds: the body of a batch is at most
// FrameSize plus the sum of RowSize of its rows.
type Sizer interface {
	FrameSize(b Batch) int
	RowSize(b Batch, r Row) int
}
