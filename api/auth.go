package api

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/tailrace/tailrace/warehouse"
)

// Role is what a token may do; a higher role may do all that a lower one may.
type Role string

// The roles. A viewer sees personal data masked; an operator sees it, runs and approves; an officer also erases people
// and gives out all that is known of one; an admin also handles tokens.
const (
	Viewer   Role = "viewer"
	Operator Role = "operator"
	Officer  Role = "officer"
	Admin    Role = "admin"
)

var rank = map[Role]int{Viewer: 1, Operator: 2, Officer: 3, Admin: 4}

// allows reports whether the role reaches the needed one.
func (r Role) allows(needed Role) bool { return rank[r] >= rank[needed] && rank[needed] > 0 }

// Identity is who makes a request.
type Identity struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Role Role   `json:"role"`
}

type identityKey struct{}
type remoteKey struct{}

// WithIdentity returns a context in which requests are made by who: for calls in process, which bring no token.
func WithIdentity(ctx context.Context, who Identity) context.Context {
	return context.WithValue(ctx, identityKey{}, who)
}

func who(ctx context.Context) Identity {
	id, _ := ctx.Value(identityKey{}).(Identity)
	return id
}

// Tokens issues and checks API tokens. Only the SHA-256 of a token is stored; the token is shown once.
type Tokens struct {
	db  *warehouse.DB
	now func() time.Time

	mu    sync.Mutex
	cache map[string]cachedToken // by hash, for at most cacheFor
	fixed map[string]Identity    // by hash: tokens of this process, never stored
}

type cachedToken struct {
	id    Identity
	until time.Time
}

// cacheFor bounds how long a revoked token can still be taken by another process.
const cacheFor = 5 * time.Second

// NewTokens returns the tokens of a warehouse.
func NewTokens(db *warehouse.DB, now func() time.Time) *Tokens {
	return &Tokens{db: db, now: now, cache: map[string]cachedToken{}, fixed: map[string]Identity{}}
}

// Token is a stored token, without its secret.
type Token struct {
	ID        string    `json:"id" ch:"id"`
	Name      string    `json:"name" ch:"name"`
	Role      string    `json:"role" ch:"role" enum:"viewer,operator,officer,admin"`
	CreatedAt time.Time `json:"created_at" ch:"created_at"`
	CreatedBy string    `json:"created_by" ch:"created_by"`
	Revoked   bool      `json:"revoked" ch:"revoked"`
}

// Fix accepts a token for the life of this process: the one from TAILRACE_ADMIN_TOKEN, and the local one of the CLI.
func (t *Tokens) Fix(secret string, id Identity) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fixed[hashToken(secret)] = id
}

// NewSecret returns a random token of 256 bits of the given kind, such as tr_api_….
func NewSecret(kind string) (string, error) {
	raw := make([]byte, 32)
	if _, err := rand.Read(raw); err != nil {
		return "", fmt.Errorf("making a token: %w", err)
	}
	return "tr_" + kind + "_" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(raw)), nil
}

// Create stores a new token and returns it with its secret, which can't be read again.
func (t *Tokens) Create(ctx context.Context, name string, role Role, by string) (Token, string, error) {
	if rank[role] == 0 {
		return Token{}, "", problem(Invalid, "Use viewer, operator, officer or admin.", "unknown role %q", role)
	}
	secret, err := NewSecret("api")
	if err != nil {
		return Token{}, "", err
	}
	hash := hashToken(secret)
	tok := Token{ID: "tok_" + hash[:12], Name: name, Role: string(role), CreatedAt: t.now().UTC().Truncate(time.Millisecond), CreatedBy: by}
	if err := t.store(ctx, tok, hash, uint64(t.now().UnixMicro())); err != nil {
		return Token{}, "", err
	}
	return tok, secret, nil
}

func (t *Tokens) store(ctx context.Context, tok Token, hash string, version uint64) error {
	err := t.db.Insert(ctx, t.db.Database()+".api_tokens",
		[]string{"id", "name", "role", "hash", "created_at", "created_by", "revoked", "version"},
		[][]any{{tok.ID, tok.Name, tok.Role, hash, tok.CreatedAt, tok.CreatedBy, tok.Revoked, version}},
		warehouse.InsertOptions{Token: fmt.Sprintf("token:%s:%d", tok.ID, version)})
	if err != nil {
		return fmt.Errorf("storing token %s: %w", tok.ID, err)
	}
	return nil
}

// List returns every token, newest first.
func (t *Tokens) List(ctx context.Context) ([]Token, error) {
	var out []Token
	err := t.db.Select(ctx, &out, "SELECT id, name, toString(role) AS role, created_at, created_by, revoked FROM "+t.db.Database()+".api_tokens FINAL ORDER BY created_at DESC, id")
	if err != nil {
		return nil, fmt.Errorf("listing tokens: %w", err)
	}
	return out, nil
}

// Revoke ends a token.
func (t *Tokens) Revoke(ctx context.Context, id string) error {
	var row struct {
		Token
		Hash    string `ch:"hash"`
		Version uint64 `ch:"version"`
	}
	err := t.db.Get(ctx, &row, "SELECT id, name, toString(role) AS role, created_at, created_by, revoked, hash, version FROM "+t.db.Database()+".api_tokens FINAL WHERE id = ?", id)
	if err != nil {
		return fmt.Errorf("revoking token %s: %w", id, err)
	}
	if last, err := t.lastAdmin(ctx, row.Token); err != nil {
		return err
	} else if last {
		return problem(Conflict, "Make another admin token first: `tailrace tokens create NAME --role admin`.", "%s is the last admin token", id)
	}
	row.Token.Revoked = true
	if err := t.store(ctx, row.Token, row.Hash, max(uint64(t.now().UnixMicro()), row.Version+1)); err != nil {
		return err
	}
	t.mu.Lock()
	delete(t.cache, row.Hash)
	t.mu.Unlock()
	return nil
}

// lastAdmin reports whether nobody but who opens the data folder would be an admin without the token.
func (t *Tokens) lastAdmin(ctx context.Context, tok Token) (bool, error) {
	if Role(tok.Role) != Admin || tok.Revoked {
		return false, nil
	}
	t.mu.Lock()
	for _, fixed := range t.fixed {
		if fixed.Role == Admin && fixed.ID != "local" {
			t.mu.Unlock()
			return false, nil
		}
	}
	t.mu.Unlock()
	var others uint64
	err := t.db.Get(ctx, &others, "SELECT count() FROM "+t.db.Database()+".api_tokens FINAL WHERE role = 'admin' AND NOT revoked AND id != ?", tok.ID)
	if err != nil {
		return false, fmt.Errorf("looking for other admin tokens: %w", err)
	}
	return others == 0, nil
}

// Check returns who holds the token; ok is false for one that is unknown or revoked.
func (t *Tokens) Check(ctx context.Context, secret string) (id Identity, ok bool, err error) {
	hash := hashToken(secret)
	t.mu.Lock()
	for known, fixed := range t.fixed {
		if subtle.ConstantTimeCompare([]byte(known), []byte(hash)) == 1 {
			t.mu.Unlock()
			return fixed, true, nil
		}
	}
	cached, hit := t.cache[hash]
	t.mu.Unlock()
	if hit && t.now().Before(cached.until) {
		return cached.id, true, nil
	}
	var rows []Token
	err = t.db.Select(ctx, &rows, "SELECT id, name, toString(role) AS role, created_at, created_by, revoked FROM "+t.db.Database()+".api_tokens FINAL WHERE hash = ? AND NOT revoked", hash)
	if err != nil {
		return id, false, fmt.Errorf("checking a token: %w", err)
	}
	if len(rows) != 1 {
		return id, false, nil
	}
	id = Identity{ID: rows[0].ID, Name: rows[0].Name, Role: Role(rows[0].Role)}
	t.mu.Lock()
	t.cache[hash] = cachedToken{id: id, until: t.now().Add(cacheFor)}
	t.mu.Unlock()
	return id, true, nil
}

func hashToken(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// authorize is the only gate: it finds who calls and compares with the role that the operation declares.
func (s *Server) authorize(ctx huma.Context, next func(huma.Context)) {
	needed, _ := ctx.Operation().Metadata["role"].(Role)
	id := who(ctx.Context())
	if id.ID == "" {
		scheme, secret, _ := strings.Cut(ctx.Header("Authorization"), " ")
		if !strings.EqualFold(scheme, "bearer") || secret == "" {
			s.refuse(ctx, problem(Unauthorized, "Send Authorization: Bearer <token>; `tailrace tokens create` makes one.", "no token"))
			return
		}
		remote := host(ctx.RemoteAddr())
		if wait := s.strangers.wait(remote); wait > 0 {
			ctx.SetHeader("Retry-After", strconv.Itoa(int(wait/time.Second)+1))
			s.refuse(ctx, problem(TooMany, "Wait for as long as Retry-After says, then use a valid token.", "too many wrong tokens from this address"))
			return
		}
		known, ok, err := s.opts.Tokens.Check(ctx.Context(), strings.TrimSpace(secret))
		if err != nil {
			s.log.Error("checking a token", "error", err)
			s.refuse(ctx, problem(Unavailable, "Try again shortly.", "tokens can't be checked now"))
			return
		}
		if !ok {
			s.strangers.wrong(remote)
			s.refuse(ctx, problem(Unauthorized, "Use another token; `tailrace tokens create` makes one.", "unknown or revoked token"))
			return
		}
		s.strangers.right(remote)
		id = known
	}
	if !id.Role.allows(needed) {
		s.refuse(ctx, problem(Forbidden, "Ask an admin for a token of that role.", "this needs the role %s, the token has %s", needed, id.Role))
		return
	}
	inner := WithIdentity(ctx.Context(), id)
	inner = context.WithValue(inner, remoteKey{}, ctx.RemoteAddr())
	next(huma.WithContext(ctx, inner))
}

func (s *Server) refuse(ctx huma.Context, p *Problem) {
	if p.Status == http.StatusUnauthorized {
		ctx.SetHeader("WWW-Authenticate", `Bearer realm="tailrace"`)
	}
	if err := huma.WriteErr(s.huma, ctx, p.Status, p.Detail, p); err != nil {
		s.log.Debug("writing a refusal", "error", err)
	}
}
