package audit

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/tailrace/tailrace/warehouse"
)

// Entry is one thing that a person or token did.
type Entry struct {
	Actor, Role, Action, Object, Detail, RemoteIP string
}

// Log writes one chain. It is safe for concurrent use.
type Log struct {
	db  *warehouse.DB
	now func() time.Time

	mu     sync.Mutex
	writer string // "" before the first row, and after one whose fate is unknown
	seq    uint64
	hash   string
}

// NewLog makes a log. It does no I/O.
func NewLog(db *warehouse.DB, now func() time.Time) *Log { return &Log{db: db, now: now} }

// row is a row as its hash is taken.
type row struct {
	ID       uuid.UUID `ch:"id"`
	At       time.Time `ch:"at"`
	Actor    string    `ch:"actor"`
	Role     string    `ch:"role"`
	Action   string    `ch:"action"`
	Object   string    `ch:"object"`
	Detail   string    `ch:"detail"`
	RemoteIP string    `ch:"remote_ip"`
	Writer   string    `ch:"writer"`
	Seq      uint64    `ch:"seq"`
	Nonce    string    `ch:"nonce"`
	Content  string    `ch:"content"`
	Hash     string    `ch:"hash"`
}

// Append writes an entry. When it returns, the entry is durable.
func (l *Log) Append(ctx context.Context, e Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.writer == "" {
		l.writer, l.seq, l.hash = uuid.Must(uuid.NewV7()).String(), 0, ""
	}
	r := row{ID: uuid.New(), At: l.now().UTC().Truncate(time.Millisecond), Actor: e.Actor, Role: e.Role, Action: e.Action, Object: e.Object,
		Detail: e.Detail, RemoteIP: e.RemoteIP, Writer: l.writer, Seq: l.seq + 1}
	nonce := make([]byte, 16)
	if _, err := rand.Read(nonce); err != nil {
		return fmt.Errorf("writing the audit log: %w", err)
	}
	r.Nonce = hex.EncodeToString(nonce)
	r.Content = r.content()
	r.Hash = r.chain(l.hash)
	err := l.db.Insert(ctx, l.table("audit_log"),
		[]string{"id", "at", "actor", "role", "action", "object", "detail", "remote_ip", "writer", "seq", "nonce", "content", "hash"},
		[][]any{{r.ID, r.At, r.Actor, r.Role, r.Action, r.Object, r.Detail, r.RemoteIP, r.Writer, r.Seq, r.Nonce, r.Content, r.Hash}},
		warehouse.InsertOptions{Token: "audit:" + r.ID.String()})
	if err == nil {
		err = l.db.Insert(ctx, l.table("audit_heads"), []string{"writer", "seq", "hash"}, [][]any{{r.Writer, r.Seq, r.Hash}},
			warehouse.InsertOptions{Token: "audit-head:" + r.ID.String()})
	}
	if err != nil {
		l.writer = "" // whether it is there is unknown, so nothing may follow it
		return fmt.Errorf("writing the audit log: %w", err)
	}
	l.seq, l.hash = r.Seq, r.Hash
	return nil
}

func (l *Log) table(name string) string {
	return warehouse.QuoteIdentifier(l.db.Database()) + "." + warehouse.QuoteIdentifier(name)
}

// content commits to what an erasure may blank.
func (r *row) content() string { return digest(r.Nonce, r.Object, r.Detail) }

// chain is the row's hash behind the hash before it.
func (r *row) chain(before string) string {
	return digest(before, r.Writer, fmt.Sprint(r.Seq), r.ID.String(), r.At.UTC().Format(time.RFC3339Nano), r.Actor, r.Role, r.Action, r.RemoteIP, r.Content)
}

// digest is SHA-256 over texts, each behind its length.
func digest(parts ...string) string {
	h := sha256.New()
	var n [8]byte
	for _, p := range parts {
		binary.BigEndian.PutUint64(n[:], uint64(len(p)))
		h.Write(n[:])
		h.Write([]byte(p))
	}
	return hex.EncodeToString(h.Sum(nil))
}
