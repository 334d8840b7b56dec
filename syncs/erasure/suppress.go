package erasure

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"

	"github.com/tailrace/tailrace/warehouse"
)

// suppress keeps the people of an erasure from being sent anywhere, by every identifier.
func (e *Engine) suppress(ctx context.Context, erasureID, actor string) error {
	return e.db.Exec(ctx, "INSERT INTO "+e.table("suppressions")+" (kind, value, reason, active, actor, version)"+
		" SELECT DISTINCT kind, if(kind IN ('email', 'profile_id'), lowerUTF8(value), value), {reason:String}, true, {actor:String}, {version:UInt64}"+
		" FROM "+e.table("erasure_subjects")+" WHERE erasure_id = {id:String} AND kind NOT IN ('hash', 'text')",
		warehouse.P{"id": erasureID, "reason": "erasure " + erasureID, "actor": actor, "version": uint64(e.now().UnixMicro())})
}

// secret is the key of keyed hashes; the first process that needs one makes it.
func (e *Engine) secret(ctx context.Context) error {
	var n uint64
	if err := e.db.Get(ctx, &n, "SELECT count() FROM "+e.table("privacy_keys")); err != nil || n > 0 {
		return err
	}
	raw := make([]byte, 32)
	if _, err := rand.Read(raw); err != nil {
		return fmt.Errorf("making a key: %w", err)
	}
	return e.db.Insert(ctx, e.table("privacy_keys"), []string{"secret"}, [][]any{{hex.EncodeToString(raw)}}, warehouse.InsertOptions{})
}

// secretSQL reads the key.
func (e *Engine) secretSQL() string {
	return "(SELECT secret FROM " + e.table("privacy_keys") + " ORDER BY created_at, secret LIMIT 1)"
}

// suppressByHash keeps them suppressed when they come again, without knowing who they are.
func (e *Engine) suppressByHash(ctx context.Context, erasureID string) error {
	if err := e.secret(ctx); err != nil {
		return err
	}
	return e.db.Exec(ctx, "INSERT INTO "+e.table("suppressions")+" (kind, value, reason, active, actor, version)"+
		" SELECT DISTINCT 'erased', hex(SHA256(concat("+e.secretSQL()+", kind, ':', if(kind = 'email', lowerUTF8(value), value)))), {reason:String}, true, 'erasure', {version:UInt64}"+
		" FROM "+e.table("erasure_subjects")+" WHERE erasure_id = {id:String} AND kind IN ('user_id', 'anonymous_id', 'email', 'hash')",
		warehouse.P{"id": erasureID, "reason": "erasure " + erasureID, "version": uint64(e.now().UnixMicro())})
}
