package api

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"fmt"
)

// A cursor of the packages below names the last row by its key, which may be a person's. Viewers, who see keys masked,
// get it sealed; the seal's key lives as long as this process, so after a restart a viewer begins a list anew.

// newSeal makes the process's seal.
func newSeal() (cipher.AEAD, error) {
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return nil, fmt.Errorf("making a key for cursors: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("making a key for cursors: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// closeCursor is the cursor as the caller may see it.
func (s *Server) closeCursor(ctx context.Context, cursor string) (string, error) {
	if cursor == "" || !masked(ctx) {
		return cursor, nil
	}
	return base64.RawURLEncoding.EncodeToString(s.seal.Seal(nil, nil, []byte(cursor), []byte(who(ctx).ID))), nil
}

// openCursor is the cursor as the packages below gave it.
func (s *Server) openCursor(ctx context.Context, cursor string) (string, error) {
	if cursor == "" || !masked(ctx) {
		return cursor, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return "", badCursor()
	}
	text, err := s.seal.Open(nil, nil, raw, []byte(who(ctx).ID))
	if err != nil {
		return "", badCursor()
	}
	return string(text), nil
}

// mayFilter refuses viewers to filter by a personal value: trying values one after the other would read what is masked.
func (s *Server) mayFilter(ctx context.Context, value string) error {
	if value == "" || !masked(ctx) {
		return nil
	}
	return problem(Forbidden, "Ask an admin for a token of the role operator, or leave the filter out.", "filtering by people's values needs the role operator, as they are masked for viewers")
}
