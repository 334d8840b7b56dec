package identity

import (
	"bytes"
	"time"

	"github.com/google/uuid"
)

// link is one tie between two identifiers of different profiles.
type link struct {
	Reason    string    `ch:"reason"`
	KindA     string    `ch:"kind_a"`
	ValueA    string    `ch:"value_a"`
	ProfileA  uuid.UUID `ch:"profile_a"`
	KindB     string    `ch:"kind_b"`
	ValueB    string    `ch:"value_b"`
	ProfileB  uuid.UUID `ch:"profile_b"`
	MessageID string    `ch:"message_id"`
}

// profile is what decides a merge.
type profile struct {
	ID        uuid.UUID `ch:"profile_id"`
	IDs       uint64    `ch:"ids"`
	Users     uint64    `ch:"users"`
	FirstSeen time.Time `ch:"first_seen"`
}

// merge is one profile that lost, its final winner, and the event that tied them.
type merge struct {
	From, Into uuid.UUID
	Reason     string
	MessageID  string
}

// refusal is one tie that was not made.
type refusal struct {
	Kind, Value string
	Profile     uuid.UUID
	Reason      string
	MessageID   string
}

// Reasons of refusals.
const (
	refusedOtherUser = "belongs_to_another_user"
	refusedTooMany   = "too_many_identifiers"
)

type node struct {
	profile
	parent *node
	lost   *link // the tie by which it lost to its parent
}

func (n *node) root() *node {
	r := n
	for r.parent != nil {
		r = r.parent
	}
	for n.parent != nil && n.parent != r {
		n.parent, n = r, n.parent
	}
	return r
}

// decide ties profiles in the order of links. Links whose profiles are not
// given are left for the next pass.
func decide(links []link, profiles []profile, maxIDs uint64) ([]merge, []refusal) {
	nodes := make(map[uuid.UUID]*node, len(profiles))
	order := make([]*node, 0, len(profiles))
	for _, p := range profiles {
		n := &node{profile: p}
		nodes[p.ID] = n
		order = append(order, n)
	}
	var refusals []refusal
	for i := range links {
		l := &links[i]
		na, nb := nodes[l.ProfileA], nodes[l.ProfileB]
		if na == nil || nb == nil {
			continue
		}
		a, b := na.root(), nb.root()
		switch {
		case a == b:
		case l.Reason != "alias" && a.Users > 0 && b.Users > 0:
			refusals = append(refusals, refusal{l.KindB, l.ValueB, a.ID, refusedOtherUser, l.MessageID})
		case a.IDs+b.IDs > maxIDs:
			refusals = append(refusals, refusal{l.KindB, l.ValueB, a.ID, refusedTooMany, l.MessageID})
		default:
			winner, loser := a, b
			if older(b, a) {
				winner, loser = b, a
			}
			loser.parent, loser.lost = winner, l
			winner.IDs += loser.IDs
			winner.Users += loser.Users
			if loser.FirstSeen.Before(winner.FirstSeen) {
				winner.FirstSeen = loser.FirstSeen
			}
		}
	}
	var merges []merge
	for _, n := range order {
		if n.parent != nil {
			merges = append(merges, merge{n.ID, n.root().ID, n.lost.Reason, n.lost.MessageID})
		}
	}
	for i := range refusals {
		refusals[i].Profile = nodes[refusals[i].Profile].root().ID
	}
	return merges, refusals
}

// older tells whether a wins against b: seen first; of two seen at once, the
// one with a user id; else the lower id, so that every pass decides alike.
func older(a, b *node) bool {
	if !a.FirstSeen.Equal(b.FirstSeen) {
		return a.FirstSeen.Before(b.FirstSeen)
	}
	if (a.Users > 0) != (b.Users > 0) {
		return a.Users > 0
	}
	return bytes.Compare(a.ID[:], b.ID[:]) < 0
}
