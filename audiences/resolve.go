package audiences

import "github.com/tailrace/tailrace/audiences/identity"

// profileID is the expression of a resolved key's profile: the identifier's
// canonical one, or its base profile where no event has named it.
func (s *shape) profileID(raw string) string {
	return "if(i.value = '', " + identity.ProfileIDSQL("'"+s.resolve+"'", raw) + ", i.profile_id)"
}

// blocked is the condition that a raw identifier names nobody.
func (s *shape) blocked(raw string) string {
	return "has({blocked:Array(String)}, lowerUTF8(trimBoth(" + raw + ", ' \\t\\r\\n\\f\\v')))"
}
