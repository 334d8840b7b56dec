// Package hubspot translates batches for HubSpot: contacts (upsert, update,
// create, delete) and membership of lists.
//
// It owns the shape of HubSpot's requests and answers and HubSpot's own table
// of errors. It must never know runs, the ledger or retries: policy is
// connectors.Destination's.
//
// The promise: a contact is Accepted only if HubSpot's answer shows it; records
// are addressed by the id of the last acknowledgement, else found by their
// identifier before the one request that changes state.
//
// Sources: the v3 API as derived from @hubspot/api-client 13.5.0, and the
// vendor's pages as read in 2026-11. Never tried against a real account.
package hubspot
