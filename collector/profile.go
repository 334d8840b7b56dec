package collector

import (
	"strings"

	"github.com/google/uuid"
)

// profileNamespace is the UUIDv5 namespace of profile ids; see docs/decisions.md.
var profileNamespace = uuid.MustParse("5f1b0c0e-7a1e-5a64-9d3c-7461696c7261")

// ProfileID returns the profile id of an identifier: UUIDv5 of "kind:value"
// (kind is user_id, anonymous_id, email, …; the value as it stands).
func ProfileID(kind, value string) uuid.UUID {
	return uuid.NewSHA1(profileNamespace, []byte(kind+":"+value))
}

// blanks are taken off a value before it is held against the blocked ones: the
// same as in identity resolution, or an event would be nobody's whose identifier
// ties people together.
const blanks = " \t\r\n\f\v"

// BlockedIdentifier tells whether a value identifies nobody: what programs send
// when they have no identifier. Thousands of people share such a value, and a
// profile made of it would be all of them.
func BlockedIdentifier(value string) bool {
	switch strings.ToLower(strings.Trim(value, blanks)) {
	case "", "null", "(null)", "undefined", "none", "nil", "nan", "n/a", "na", "0", "-1",
		"unknown", "anonymous", "guest", "true", "false", "[object object]",
		"00000000-0000-0000-0000-000000000000":
		return true
	}
	return false
}

// blockedValues are the values that a project blocks, in lower case and without
// blanks around, beside those of [BlockedIdentifier].
type blockedValues map[string]bool

func newBlockedValues(values []string) *blockedValues {
	out := blockedValues{}
	for _, v := range values {
		out[strings.ToLower(strings.Trim(v, blanks))] = true
	}
	return &out
}

func (b blockedValues) has(value string) bool {
	return BlockedIdentifier(value) || (len(b) > 0 && b[strings.ToLower(strings.Trim(value, blanks))])
}

// eventProfile is the profile of an event as known when it is loaded: by the
// user id, else by the anonymous id, else nobody's (the zero UUID).
func (b blockedValues) eventProfile(userID, anonymousID string) uuid.UUID {
	switch {
	case !b.has(userID):
		return ProfileID("user_id", userID)
	case !b.has(anonymousID):
		return ProfileID("anonymous_id", anonymousID)
	}
	return uuid.Nil
}
