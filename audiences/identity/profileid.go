package identity

import "github.com/google/uuid"

// namespace of profile ids; docs/decisions.md §3.
var namespace = uuid.MustParse("5f1b0c0e-7a1e-5a64-9d3c-7461696c7261")

// ProfileID is the base profile of an identifier: what it stands for as long
// as nothing tied it to another. The same as [ProfileIDSQL].
func ProfileID(kind, value string) uuid.UUID {
	return uuid.NewSHA1(namespace, []byte(kind+":"+value))
}

// BlockedValues are what programs send when they have no identifier, in lower
// case and without surrounding blanks. Thousands of people share each of them.
var BlockedValues = []string{
	"", "null", "(null)", "undefined", "none", "nil", "nan", "n/a", "na", "0", "-1",
	"unknown", "anonymous", "guest", "true", "false", "[object object]",
	"00000000-0000-0000-0000-000000000000",
}

// blanks are taken off a value before it is held against the blocked ones.
const blanks = " \t\r\n\f\v"
