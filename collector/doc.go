// Package collector accepts events over Segment's HTTP API and lands each of
// them in the warehouse exactly once.
//
//	HTTP ─▶ accept ─▶ log (fsync, group commit) ─▶ 200
//	                   │
//	                   └▶ loader ─▶ blocks ─▶ events_raw, events_rejected
//
// It owns the tracking endpoints, the write-ahead log in its folder, the
// loader, and what happens to input that is odd, broken or hostile.
//
// It must never know audiences, syncs or vendors; where events go after the
// warehouse is none of its business.
//
// Its promise: an event answered with 200 is in events_raw or in
// events_rejected, once, whatever dies in between (kill -9, a full disk, a
// warehouse that is away for hours). One event never blocks the log, and never
// takes its neighbours with it.
//
// What makes that true:
//
//   - All decisions about an event (its id, its times, whether it is set aside)
//     are taken when it is accepted and are part of the log's record, so that
//     loading a record twice gives the same rows twice.
//   - A block's boundaries, its deduplication token and the events it leaves
//     out are durable in the cursor file before its first insert, so that a
//     restart sends the same blocks with the same tokens.
//   - A message id counts once by the set of recent ids, which is refilled from
//     events_raw at start.
//   - A segment of the log is deleted only after the cursor behind it is durable.
package collector
