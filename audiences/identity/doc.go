// Package identity decides which identifiers belong to one person.
//
// It owns identities, identity_merges, identity_refusals and identity_passes:
// it reads new events by loaded_at, collects the identifiers they name, ties
// them together where an identify or alias call says so, and writes down which
// profile won.
//
//	events_raw ─▶ identifiers ─▶ links ─▶ union-find over the touched profiles
//	                                         │
//	         identities ◀─ identity_merges ◀─┘        (the events view maps through it)
//
// The rules:
//
//   - A base profile id is UUIDv5 of "kind:value" (docs/decisions.md §3), so an
//     identifier that nobody tied to another is a profile of its own.
//   - identify ties the event's user_id, anonymous_id and traits.email; alias
//     ties its user_id with its anonymous_id and its previousId. No other event
//     ties anything, even one that carries two identifiers (Segment's rule).
//   - identify never unites two profiles that each have a user_id: an anonymous
//     id (or an email) that already belongs to one user stays there when another
//     user signs in on the same device, as Segment Unify does with its limit of
//     one user_id per profile; RudderStack's graph would make them one person.
//     alias says expressly that two ids are one person, and may.
//   - An alias whose previousId is known as a user_id or as an anonymous_id ties
//     that one; where it is known as neither, both.
//   - Blocked values ([BlockedValues]) name nobody, and a merge that would give a
//     profile more than MaxIDs identifiers is refused. Both leave a row in
//     identity_refusals.
//   - The profile that was seen first wins; identity_merges always points at the
//     final winner, never along a chain.
//
// It must never know audiences, syncs, HTTP or what profiles are used for.
//
// Its promise: a pass may die anywhere and be repeated; passes over the same
// events end in the same profiles. The pass's row is written last. Work grows
// with new events; memory with the profiles that one window of links touches.
package identity
