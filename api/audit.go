package api

import (
	"context"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/tailrace/tailrace/syncs/audit"
	"github.com/tailrace/tailrace/syncs/erasure"
)

// audit records what the caller does before it is done, so that nothing is done that isn't written.
func (s *Server) audit(ctx context.Context, action, object, detail string) error {
	id := who(ctx)
	remote, _ := ctx.Value(remoteKey{}).(string)
	return s.auditLog.Append(ctx, audit.Entry{Actor: id.actor(), Role: string(id.Role), Action: action, Object: object, Detail: detail, RemoteIP: host(remote)})
}

// marksAtOnce is how many people one entry of the audit log names.
const marksAtOnce = 500

// auditPeople records what the caller does to people, by marks that say of whom and name nobody, in as many entries as it takes.
func (s *Server) auditPeople(ctx context.Context, action, object string, ids []erasure.Identifier) error {
	marks, err := s.opts.Erasures.Marks(ctx, ids)
	if err != nil {
		return err
	}
	for some := range slices.Chunk(marks, marksAtOnce) {
		if err := s.audit(ctx, action, object, strings.Join(some, " ")); err != nil {
			return err
		}
	}
	return nil
}

// host is an address without its port.
func host(remote string) string {
	if host, _, err := net.SplitHostPort(remote); err == nil {
		return host
	}
	return remote
}

// masked reports whether the caller sees personal data only masked.
func masked(ctx context.Context) bool { return !who(ctx).Role.allows(Operator) }

// auditRead records a reading of personal data in clear, before it is answered; what is masked is nobody's data.
func (s *Server) auditRead(ctx context.Context, action, object string) error {
	if masked(ctx) {
		return nil
	}
	return s.audit(ctx, action, object, "")
}

// actor is the caller as the ledger and the audit log name it.
func (i Identity) actor() string {
	if i.Name == "" {
		return i.ID
	}
	return i.Name + " (" + i.ID + ")"
}

// AuditEntry is one thing that a person or token did.
type AuditEntry struct {
	ID       string    `json:"id" ch:"id"`
	At       time.Time `json:"at" ch:"at"`
	Actor    string    `json:"actor" ch:"actor"`
	Role     string    `json:"role" ch:"role"`
	Action   string    `json:"action" ch:"action"`
	Object   string    `json:"object" ch:"object"`
	Detail   string    `json:"detail" ch:"detail"`
	RemoteIP string    `json:"remote_ip" ch:"remote_ip"`
}

// trigger is how the ledger names the caller's way in.
func (i Identity) trigger() string {
	if i.ID == "local" {
		return "cli"
	}
	return "api"
}
