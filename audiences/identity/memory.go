package identity

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Said is what an event says of who is who.
type Said struct {
	MessageID, Type, UserID, AnonymousID string
	Email                                string // traits.email of an identify
	PreviousID                           string // of an alias
	At                                   time.Time
}

// Known is an identifier and its canonical profile.
type Known struct {
	Kind, Value string
	Profile     uuid.UUID
	FirstSeen   time.Time
}

// InMemory decides who is who in a few events, as one pass of a [Resolver] that
// has never run decides it in the warehouse: for tests of a project's SQL. It
// returns each event's profile (the zero UUID is nobody's), in order, and every
// identifier, sorted by kind and value.
func InMemory(events []Said, maxIDs int, blocked []string) ([]uuid.UUID, []Known) {
	r := &Resolver{MaxIDs: maxIDs, Blocked: blocked}
	bad := r.AllBlocked()
	named := func(value string) string {
		if slices.Contains(bad, strings.ToLower(strings.Trim(value, blanks))) {
			return ""
		}
		return value
	}
	m := memory{known: map[identifier]*Known{}}
	base := make([]uuid.UUID, len(events))
	for i, e := range events {
		e.UserID, e.AnonymousID, e.PreviousID = named(e.UserID), named(e.AnonymousID), named(e.PreviousID)
		if e.Email = named(e.Email); e.Type != "identify" {
			e.Email = ""
		}
		if e.Type != "alias" {
			e.PreviousID = ""
		}
		events[i] = e
		if e.UserID != "" {
			base[i] = ProfileID("user_id", e.UserID)
		} else if e.AnonymousID != "" {
			base[i] = ProfileID("anonymous_id", e.AnonymousID)
		}
		m.see("user_id", e.UserID, e.At)
		m.see("anonymous_id", e.AnonymousID, e.At)
		m.see("email", e.Email, e.At)
	}
	m.seePrevious(events)
	merges, _ := decide(m.links(events), m.profiles(), r.maxIDs())
	into := map[uuid.UUID]uuid.UUID{}
	for _, x := range merges {
		into[x.From] = x.Into
	}
	canonical := func(id uuid.UUID) uuid.UUID {
		if to, lost := into[id]; lost {
			return to
		}
		return id
	}
	for i := range base {
		base[i] = canonical(base[i])
	}
	known := make([]Known, 0, len(m.known))
	for _, k := range m.known {
		k.Profile = canonical(k.Profile)
		known = append(known, *k)
	}
	slices.SortFunc(known, func(a, b Known) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Value, b.Value)) })
	return base, known
}

type identifier struct{ kind, value string }

type memory struct{ known map[identifier]*Known }

func (m *memory) see(kind, value string, at time.Time) {
	if value == "" {
		return
	}
	k := m.known[identifier{kind, value}]
	if k == nil {
		k = &Known{Kind: kind, Value: value, Profile: ProfileID(kind, value), FirstSeen: at}
		m.known[identifier{kind, value}] = k
	}
	if at.Before(k.FirstSeen) {
		k.FirstSeen = at
	}
}

// seePrevious adds the previousId of aliases under both kinds, where it is known under neither.
func (m *memory) seePrevious(events []Said) {
	unknown := map[string]time.Time{}
	for _, e := range events {
		_, user := m.known[identifier{"user_id", e.PreviousID}]
		_, anonymous := m.known[identifier{"anonymous_id", e.PreviousID}]
		if first, seen := unknown[e.PreviousID]; e.PreviousID != "" && !user && !anonymous && (!seen || e.At.Before(first)) {
			unknown[e.PreviousID] = e.At
		}
	}
	for value, at := range unknown {
		m.see("user_id", value, at)
		m.see("anonymous_id", value, at)
	}
}

// links are the ties that events name, the earliest first.
func (m *memory) links(events []Said) []link {
	type tie struct {
		reason string
		a, b   identifier
	}
	type said struct {
		at time.Time
		id string
	}
	first := map[tie]said{}
	for _, e := range events {
		one := identifier{"user_id", e.UserID}
		if e.UserID == "" {
			one = identifier{"anonymous_id", e.AnonymousID}
		}
		ties := []tie{{e.Type, identifier{"user_id", e.UserID}, identifier{"anonymous_id", e.AnonymousID}}}
		switch e.Type {
		case "identify":
			ties = append(ties, tie{e.Type, one, identifier{"email", e.Email}})
		case "alias":
			ties = append(ties, tie{e.Type, one, identifier{"user_id", e.PreviousID}}, tie{e.Type, one, identifier{"anonymous_id", e.PreviousID}})
		default:
			continue
		}
		for _, t := range ties {
			if t.a.value == "" || t.b.value == "" || t.a == t.b || m.known[t.a] == nil || m.known[t.b] == nil {
				continue
			}
			if s, ok := first[t]; !ok || e.At.Before(s.at) || (e.At.Equal(s.at) && e.MessageID < s.id) {
				first[t] = said{e.At, e.MessageID}
			}
		}
	}
	order := make([]tie, 0, len(first))
	for t := range first {
		order = append(order, t)
	}
	slices.SortFunc(order, func(x, y tie) int {
		return cmp.Or(first[x].at.Compare(first[y].at), cmp.Compare(first[x].id, first[y].id), cmp.Compare(x.reason, y.reason),
			cmp.Compare(x.a.kind, y.a.kind), cmp.Compare(x.a.value, y.a.value), cmp.Compare(x.b.kind, y.b.kind), cmp.Compare(x.b.value, y.b.value))
	})
	links := make([]link, len(order))
	for i, t := range order {
		links[i] = link{Reason: t.reason, KindA: t.a.kind, ValueA: t.a.value, ProfileA: m.known[t.a].Profile,
			KindB: t.b.kind, ValueB: t.b.value, ProfileB: m.known[t.b].Profile, MessageID: first[t].id}
	}
	return links
}

// profiles are what decides merges: before any, each identifier is one.
func (m *memory) profiles() []profile {
	out := make([]profile, 0, len(m.known))
	for id, k := range m.known {
		p := profile{ID: k.Profile, IDs: 1, FirstSeen: k.FirstSeen}
		if id.kind == "user_id" {
			p.Users = 1
		}
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b profile) int { return cmp.Compare(a.ID.String(), b.ID.String()) })
	return out
}
