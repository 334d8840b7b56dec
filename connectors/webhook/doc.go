// Package webhook sends batches to any receiver that speaks Standard Webhooks
// 1.0.0: signed JSON by POST.
//
// It owns the shape of the message and its signature. It must never know runs,
// the ledger or retries: policy is connectors.Destination's.
//
// The promise: every attempt of a batch has the same webhook-id and the same
// body, byte for byte, with a fresh timestamp and signature, so that a receiver
// that remembers ids for deduplicates_for takes it once.
//
// # Message
//
//	{"type":"audience.members","timestamp":"2026-11-24T08:00:00.000Z",
//	 "data":{"sync":"vip","added":[{"key":"…","identifiers":{…},"fields":{…}}],"removed":[]}}
//
// The types are audience.members (added, removed), records.upserted,
// records.updated, records.created, records.deleted (records) and
// events.appended (events: each with key, event and time). Any 2xx accepts all rows; a receiver may refuse some by answering
// {"results":[{"key":"…","status":"rejected","words":"…"}]}; status is accepted,
// rejected or deferred. 410 stops the destination; 429, 502 and 504 slow it down.
package webhook
