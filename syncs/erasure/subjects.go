package erasure

import (
	"context"
	"crypto/md5" //nolint:gosec // some vendors name people by it
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/tailrace/tailrace/audiences/identity"
	"github.com/tailrace/tailrace/warehouse"
)

// markedLength is from how many characters on a user or anonymous id is looked for in every column and file. A shorter one,
// and one of digits only, such as the user id 10023456, means other things elsewhere (an order's number, say) and is
// looked for where identifiers are.
const markedLength = 16

// kindText is the kind of lower-case forms, by which texts are searched. They name nobody: AbC1 and abc1 are two people.
const kindText = "text"

// subjects are the people of an erasure or an export, as sets of values by kind.
type subjects map[string]map[string]bool

func (s subjects) add(kind, value string) {
	if value == "" {
		return
	}
	if s[kind] == nil {
		s[kind] = map[string]bool{}
	}
	s[kind][value] = true
	if kind == "email" {
		s[kind][strings.ToLower(value)] = true
	}
}

func (s subjects) values(kind string) []string {
	out := []string{}
	for value := range s[kind] {
		out = append(out, value)
	}
	return out
}

// marked reports whether a value is looked for everywhere.
func marked(kind, value string) bool {
	switch {
	case kind == "hash" || strings.Contains(value, "@") || uuid.Validate(value) == nil:
		return true
	case kind == "email":
		return false
	}
	return utf8.RuneCountInString(value) >= markedLength && strings.Trim(value, "0123456789") != ""
}

// people leads identifiers to everything that those people are called by: all identifiers of their profiles, the
// profiles that were merged into them, the profile ids that events may carry, and what ad platforms call them.
func (e *Engine) people(ctx context.Context, ids []Identifier) (subjects, error) {
	s := subjects{}
	for _, id := range ids {
		s.add(id.Kind, id.Stored())
	}
	if err := e.spread(ctx, s); err != nil {
		return nil, err
	}
	for _, kind := range []string{"user_id", "anonymous_id", "email"} {
		for _, value := range s.values(kind) {
			s.add("profile_id", identity.ProfileID(kind, value).String())
		}
	}
	for _, email := range s.values("email") {
		sum, old := sha256.Sum256([]byte(email)), md5.Sum([]byte(email)) //nolint:gosec // as above
		s.add("hash", hex.EncodeToString(sum[:]))
		s.add("hash", hex.EncodeToString(old[:]))
		s.add("hash", strings.ToLower(base64.StdEncoding.EncodeToString(sum[:])))
	}
	return s, nil
}

// spread adds the profiles behind the values and all that leads to those.
func (e *Engine) spread(ctx context.Context, s subjects) error {
	var profiles []uuid.UUID
	err := e.db.Select(ctx, &profiles, "SELECT DISTINCT profile_id FROM "+e.table("identities")+" FINAL WHERE (kind = 'user_id' AND value IN {user:Array(String)})"+
		" OR (kind = 'anonymous_id' AND value IN {anonymous:Array(String)}) OR (kind = 'email' AND lowerUTF8(value) IN {email:Array(String)})",
		warehouse.P{"user": s.values("user_id"), "anonymous": s.values("anonymous_id"), "email": s.values("email")})
	if err != nil {
		return err
	}
	for _, p := range profiles {
		s.add("profile_id", p.String())
	}
	// A profile that was merged leads to the one it became, and that one to all that became it.
	for range 2 {
		var both []struct {
			From uuid.UUID `ch:"from_profile"`
			Into uuid.UUID `ch:"into_profile"`
		}
		err := e.db.Select(ctx, &both, "SELECT from_profile, into_profile FROM "+e.table("identity_merges")+
			" FINAL WHERE from_profile IN {ids:Array(UUID)} OR into_profile IN {ids:Array(UUID)}", warehouse.P{"ids": s.values("profile_id")})
		if err != nil {
			return err
		}
		for _, m := range both {
			s.add("profile_id", m.From.String())
			s.add("profile_id", m.Into.String())
		}
	}
	var known []Identifier
	err = e.db.Select(ctx, &known, "SELECT toString(kind) AS kind, value FROM "+e.table("identities")+" AS i FINAL WHERE profile_id IN {ids:Array(UUID)}",
		warehouse.P{"ids": s.values("profile_id")})
	for _, id := range known {
		s.add(id.Kind, id.Value)
	}
	return err
}

// findSubjects writes down who an erasure is about.
func (e *Engine) findSubjects(ctx context.Context, erasureID string, ids []Identifier) error {
	s, err := e.people(ctx, ids)
	if err != nil {
		return err
	}
	var rows [][]any
	for kind := range s {
		for _, value := range s.values(kind) {
			rows = append(rows, []any{erasureID, kind, value, marked(kind, value)})
			if lower := strings.ToLower(value); lower != value {
				rows = append(rows, []any{erasureID, kindText, lower, marked(kind, value)})
			}
		}
	}
	return e.db.Insert(ctx, e.table("erasure_subjects"), []string{"erasure_id", "kind", "value", "marked"}, rows, warehouse.InsertOptions{})
}

// set is the SQL of a set of values: of an erasure's subjects, or bound as parameters.
type set func(kind string) string

// subjectsOf is the set by an erasure's id, which is a UUID of ours and may stand in SQL.
func (e *Engine) subjectsOf(erasureID string) set {
	return func(kind string) string {
		where := "kind = '" + kind + "'"
		switch kind {
		case "marked":
			where = "marked"
		case "any":
			where = "1"
		}
		return fmt.Sprintf("(SELECT value FROM %s WHERE erasure_id = '%s' AND %s)", e.table("erasure_subjects"), erasureID, where)
	}
}
