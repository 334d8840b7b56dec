// Package mixpanel sends events to Mixpanel's import endpoint.
//
// It owns the translation between rows and Mixpanel's events, and the reading of
// partial answers. It must never know runs, the ledger or retries: policy is
// connectors.Destination's.
//
// The promise: an event always has the same $insert_id, made from its message
// id, so that Mixpanel shows it once although it arrives twice within
// deduplicates_for. Raw exports show both.
//
// Sources: the vendor's pages on its import API, as read in 2026-11. Never tried
// against a real account.
package mixpanel
