// Package jobs owns the clock and the queue: which slots of a schedule are due,
// who leads, who holds which lease, and how work reaches a worker. It is the
// only importer of asynq.
//
// It must never know what a job does. A task is a kind and an id; whatever else
// a handler needs it reads from the warehouse.
//
// # Promise
//
// Redis is a hint, never the record. Work that a registered finder reports as
// unfinished runs again after any loss: FLUSHALL, a killed worker, a dropped
// enqueue, an acknowledgement that went astray. In return a handler may run more
// than once, and twice at a time in rare moments, so it must read the ledger
// first and claim what must happen once (Claim).
//
//	finders (warehouse) ──every few seconds──▶ dispatcher ─┐
//	Enqueue(kind, id) ─────────────────────────────────────┤
//	                                                       ▼
//	                        asynq: pending → active → (done | retry)
//	                                           │
//	              run lease in Redis, renewed while the handler runs
//	                                           │
//	       lease gone and task active = worker died → back to pending
//
//	Schedule: leader ── DueSlots(spec, last, now) ──▶ Fire(slot, job id) ──▶ jobs_slots
//
// A task's id is its kind and id, so that asking twice for the same work is one
// task. A task that was asked for while it ran runs once more. An archived or
// retained task never blocks its id. A slot's job id is a hash of the item and
// the slot, so that firing it twice names the same work.
package jobs
