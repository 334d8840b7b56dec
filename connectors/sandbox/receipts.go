package sandbox

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"
)

// Receipts is a file of what stand-ins really received and applied, one JSON
// line a request, on disk before the request is answered: what a test compares
// a ledger with after a crash.
type Receipts struct {
	mu   sync.Mutex
	file *os.File // nil: they are kept in memory
	kept []Receipt
	n    int
}

// Receipt is one line.
type Receipt struct {
	N           int       `json:"n"`
	At          time.Time `json:"at"`
	Standin     string    `json:"standin"`
	Method      string    `json:"method"`
	Path        string    `json:"path"`
	Op          string    `json:"op"`
	Idempotency string    `json:"idempotency,omitempty"`
	Duplicate   bool      `json:"duplicate,omitempty"` // known id: nothing was applied
	Rows        []Applied `json:"rows"`
	Target      string    `json:"target,omitempty"`
}

// Applied is one row that was applied.
type Applied struct {
	Key    string            `json:"key,omitempty"` // the sender's key of the row, if it sent one
	ID     string            `json:"id,omitempty"`
	Match  map[string]string `json:"match,omitempty"`
	Fields map[string]any    `json:"fields,omitempty"`
}

// OpenReceipts opens a file for appending.
func OpenReceipts(path string) (*Receipts, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the stand-in's receipts: %w", err)
	}
	return &Receipts{file: f}, nil
}

// KeepReceipts keeps receipts in memory, for a test whose stand-in dies with it.
func KeepReceipts() *Receipts { return &Receipts{} }

// Kept are the receipts in memory so far.
func (r *Receipts) Kept() []Receipt {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clip(r.kept)
}

// Close closes the file.
func (r *Receipts) Close() error {
	if r == nil || r.file == nil {
		return nil
	}
	return r.file.Close()
}

func (r *Receipts) write(x Receipt) error {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.n++
	x.N = r.n
	if r.file == nil {
		r.kept = append(r.kept, x)
		return nil
	}
	line, err := json.Marshal(x)
	if err != nil {
		return fmt.Errorf("encoding a receipt: %w", err)
	}
	if _, err := r.file.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("writing a receipt: %w", err)
	}
	if err := r.file.Sync(); err != nil {
		return fmt.Errorf("syncing receipts: %w", err)
	}
	return nil
}

// ReadReceipts reads a file of receipts; a last line cut short is left out, as
// its request was not answered.
func ReadReceipts(path string) ([]Receipt, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening receipts: %w", err)
	}
	defer func() { _ = f.Close() }() // read only
	var out []Receipt
	dec := json.NewDecoder(f)
	for {
		var x Receipt
		err := dec.Decode(&x)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return out, nil
		}
		if err != nil {
			return out, fmt.Errorf("reading receipt %d: %w", len(out)+1, err)
		}
		out = append(out, x)
	}
}
