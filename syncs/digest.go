package syncs

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
)

// rowHash is the hash of one row of a plan: sixteen little-endian bytes, as the
// engine's reinterpret functions give them.
type rowHash = [16]byte

// changeHashSQL recomputes row_hash from what a worker is about to send.
var changeHashSQL = rowHashSQL("row_no, toString(op), key, ids_before, payload_before, ids_after, payload_after")

// batchDigest is SHA-256 over a batch's (row_no, row_hash) in order.
type batchDigest struct{ h hash.Hash }

func newBatchDigest() *batchDigest { return &batchDigest{sha256.New()} }

func (d *batchDigest) add(rowNo uint64, row rowHash) {
	var n [8]byte
	binary.LittleEndian.PutUint64(n[:], rowNo)
	d.h.Write(n[:])
	d.h.Write(row[:])
}

func (d *batchDigest) sum() string { return hex.EncodeToString(d.h.Sum(nil)) }

// planDigest is SHA-256 over the batches' digests (raw bytes) in order of batch_no.
func planDigest(batches []string) (string, error) {
	h := sha256.New()
	for _, b := range batches {
		raw, err := hex.DecodeString(b)
		if err != nil {
			return "", fmt.Errorf("reading a batch's digest: %w", err)
		}
		h.Write(raw)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
