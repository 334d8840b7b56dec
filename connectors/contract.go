package connectors

import (
	"context"
	"net/http"
	"strings"
	"time"
)

// Connector is a vendor as a value. The only list of them is connectors/all.
type Connector struct {
	Name    string // "hubspot"; letters, digits, underscores
	Title   string // "HubSpot"
	Version string // vendor API version, and the day its pages were read

	// Config returns a pointer to a zero config struct (see DecodeConfig).
	Config func() any
	Auth   Auth
	// Hosts are the default host and hosts that an answer may point to.
	Hosts   []string
	Budget  []Budget
	Objects []Object
	// SecretURL: the path of base_url may be a secret of its own (webhooks), so
	// no error or record shows it.
	SecretURL bool
	// Timeout bounds one request; zero means 30 s.
	Timeout time.Duration

	// Adjust returns the connector as one config makes it (class and window
	// of a webhook, hosts, budgets); nil leaves the declaration as it is.
	Adjust func(c Connector, cfg any) Connector
	// Open makes a Writer. It does no I/O and starts no goroutine.
	Open func(cfg any, env Env) (Writer, error)
	// Standin returns the vendor's stand-in (connectors/sandbox).
	Standin func(seed uint64) http.Handler
}

// AnyObject as the name of an object matches every name a sync may use.
const AnyObject = "*"

// Object finds an object by name.
func (c Connector) Object(name string) (Object, bool) {
	for _, o := range c.Objects {
		if o.Name == name || o.Name == AnyObject {
			return o, true
		}
	}
	return Object{}, false
}

// Auth says how requests are authenticated.
type Auth struct {
	Kind  string // bearer | basic | header | oauth2 | signed
	Field string // path of the config field that holds it: "credentials.access_token"
}

// Budget is a rate that all syncs of one credential share.
type Budget struct {
	Name        string  // "requests"
	Rate        float64 // requests a second
	Burst       int
	Concurrency int // requests in flight; 0 = unlimited
}

// Object is something that a vendor keeps: contacts, a list, events.
type Object struct {
	Name        string
	Description string
	Identifiers []Identifier
	// OpenIdentifiers allows identifiers other than those named (a vendor's
	// custom unique property).
	OpenIdentifiers bool
	Fields          FieldRules
	Actions         map[Action]Spec
	// Target is what a batch's Target holds ("list"); empty if it has none.
	Target string
	// ExpiresAfter is when a membership dies at the vendor unless renewed.
	ExpiresAfter time.Duration
}

// Identifier is one way to say who a row is.
type Identifier struct {
	Name       string
	Form       Form
	Normaliser string // "google.email"; empty: as it is
	FoldCase   bool   // the vendor ignores letter case
	// Shared: many people have the same (a country, a name). It makes a match
	// surer but names nobody, so rows need another one beside it.
	Shared bool
}

// Form is how an identifier must look when it leaves.
type Form string

// The forms. A hashed form refuses everything that isn't a hash.
const (
	Plain        Form = "plain"
	MD5          Form = "md5"
	SHA256Hex    Form = "sha256hex"
	SHA256Base64 Form = "sha256base64"
)

// FieldRules says which fields an object takes.
type FieldRules struct {
	Kinds    []Kind   // kinds of values allowed; null is governed by Null
	Open     bool     // any name; else only Names
	Names    []string // fixed names
	Reserved []string // names that must not be set
	Null     NullRule
}

// NullRule is how "clear this field" is written.
type NullRule string

// The null rules.
const (
	NullAsNull      NullRule = "null"
	NullAsEmpty     NullRule = "empty"
	NullUnsupported NullRule = "unsupported"
)

// Spec is what one action of one object promises and allows.
type Spec struct {
	Class  Class
	Window time.Duration // class B only, documented by the vendor
	Limits Limits
	Async  bool // the answer is a ticket, the outcome comes later
	Silent bool // the vendor can refuse rows without naming them
	Erases bool // delete can erase for good
	// EraseRows is how many rows one request that erases takes; zero means Limits.Rows.
	EraseRows int
	Fires     string // what else this may set off: "automations on tag added"
}

// When is the spec of requests that erase for good, or that don't.
func (s Spec) When(erase bool) Spec {
	if erase && s.EraseRows > 0 {
		s.Limits.Rows = s.EraseRows
	}
	return s
}

// Limits of one request. Zero means no limit, except Rows (1) and AnswerBytes (8 MiB).
type Limits struct {
	Rows        int
	RowIDs      int // identifiers of one row
	BodyBytes   int
	RowBytes    int
	AnswerBytes int64
}

// Doer sends one request. Env.HTTP is the only way out that a Writer has.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// Env is what a Writer gets from its surroundings.
type Env struct {
	HTTP Doer
	Now  func() time.Time // for signatures and age checks only
	Rand func() uint64
}

// Writer translates a batch into at most one request that changes state, and
// the answer into one result per row, in order. It does not retry, sleep,
// batch, log or start goroutines, keeps no rows, and is safe for concurrent
// use. Reads before the changing request are allowed.
//
// An error means that no row's outcome is known from the answer: a *CallError
// where the vendor's own table says what to do, a *HTTPError (see Call) where
// the general table should.
type Writer interface {
	Write(ctx context.Context, b Batch) (Answer, error)
}

// Batch is the rows of one request.
type Batch struct {
	Action Action
	Object string
	Target string // list id and the like, where Object.Target is set
	Key    string // idempotency key, "plan:batch.part"; the same on every attempt
	Erase  bool   // delete for good; only where Spec.Erases
	Sync   string // name of the sync, for payloads that say where they come from
	// At is when the plan was made. It is the same on every attempt, so that a
	// body that carries a time is sent byte-identical again.
	At   time.Time
	Rows []Row
}

// Row is one row of a batch.
type Row struct {
	Key    string            // the ledger's key, unique within the batch
	IDs    map[string]string // identifiers now
	Fields map[string]Value  // absent: don't touch; null: clear
	Sent   *Payload          // what was last acknowledged; nil if nothing was
	Ref    string            // the vendor's id of this row, from the last acknowledgement
}

// Payload is what a destination acknowledged for a key.
type Payload struct {
	IDs    map[string]string `json:"ids,omitempty"`
	Fields map[string]Value  `json:"fields,omitempty"`
}

// Identity returns the identifiers to address the row with: for a removal
// those of the last acknowledgement, as the profile may have changed or gone.
func (r Row) Identity(a Action) map[string]string {
	if a.Removes() && r.Sent != nil && len(r.Sent.IDs) > 0 {
		return r.Sent.IDs
	}
	return r.IDs
}

// Status is the outcome of one row. The zero value is Unknown.
type Status uint8

// The statuses.
const (
	Unknown  Status = iota // nobody knows whether it was applied
	Accepted               // taken by the vendor, by evidence in the answer
	Rejected               // permanent for this payload
	Deferred               // surely not applied; try again
)

// String gives the ledger's word.
func (s Status) String() string {
	return [...]string{"unknown", "accepted", "rejected", "deferred"}[s]
}

// CodeAbsent is the code of a row that an update, or an addition to a list,
// did not find at the vendor. Package syncs counts it as skipped.
const CodeAbsent = "absent"

// CodeExists is the code of a row that a create found at the vendor already.
const CodeExists = "exists"

// CodeUnnamed is the code of rows among which the vendor refused some without
// naming them, and of those found by sending ever smaller batches.
const CodeUnnamed = "refused_unnamed"

// Result is what became of one row.
type Result struct {
	Status Status
	Ref    string // the vendor's id
	Code   string
	Field  string
	Words  string // the vendor's words, capped and redacted
}

// Answer is what a Writer understood of an answer.
type Answer struct {
	Results []Result // one per row, in order; empty with a Ticket
	Ticket  *Ticket
	Invalid int // rows refused by the vendor but not named
}

// Ticket is a vendor's promise to tell later.
type Ticket struct {
	ID        string
	NotBefore time.Time
	Expires   time.Time
}

// MatchID picks the one identifier of ids that a request is matched by: the
// object's declared ones in their order first, but for those that are shared,
// then (OpenIdentifiers) the first other by name.
func (o Object) MatchID(ids map[string]string) (name, value string, ok bool) {
	for _, i := range o.Identifiers {
		if v := ids[i.Name]; v != "" && !i.Shared {
			return i.Name, v, true
		}
	}
	if !o.OpenIdentifiers {
		return "", "", false
	}
	for n, v := range ids {
		if v != "" && !o.shared(n) && (!ok || n < name) {
			name, value, ok = n, v, true
		}
	}
	return name, value, ok
}

// shared reports whether many rows may have one identifier.
func (o Object) shared(name string) bool {
	for _, i := range o.Identifiers {
		if i.Name == name {
			return i.Shared
		}
	}
	return false
}

// fold reports the identifier in the form that two equal ones share.
func (o Object) fold(name, value string) string {
	for _, i := range o.Identifiers {
		if i.Name == name && i.FoldCase {
			return strings.ToLower(value)
		}
	}
	return value
}
