// Package syncs brings destinations to hold what SQL selects, and knows at
// every moment what they hold.
//
// It owns the delivery ledger (sync_definitions, sync_runs, sync_snapshot_rows,
// sync_snapshots, sync_changes, sync_batches, sync_seals, sync_intents,
// sync_outcomes, sync_tickets, sync_state, sync_state_sums, sync_exchanges,
// sync_dead) and the five steps of a run, one file each:
//
//	snapshot   the selection, every row classed in or left out with its reason
//	plan       the difference to sync_state: changes, batches, a seal with a digest
//	deliver    intent → request → outcomes, batch by batch
//	finish     the fold of outcomes into sync_state, both sums, the end
//	recover    whatever is unfinished, found in the ledger alone
//
// The states of a run and the only transitions there are (run_state.go):
//
//	queued ──▶ planning ──▶ planned ──▶ delivering ──▶ finishing ──▶ succeeded
//	                          │  │ ▲         ▲              ├──────▶ partial
//	                          │  ▼ │         │              ├──────▶ failed
//	                          │ held ────────┘ (approved)   └──────▶ cancelled
//	                          └────────────────────────────▶ (nothing to send: finishing)
//
// Before anything was sent a run may also end as discarded, cancelled or
// failed. A dry run ends at planned. The newest seq of a run wins; a seq is
// claimed before it is written, so two processes can't write the same one.
//
// It must never know any one vendor nor the HTTP API.
//
// Its promises: after every run sync_state is what the destination holds, apart
// from rows shown as unknown; no change is sent twice unless a crash or a
// time-out made its fate unknown, and then with the same key; no request leaves
// before its intent is durable; an answer counts when its outcomes are. Nothing
// about a run lives anywhere but in the warehouse.
package syncs
