// Package meta translates batches for Meta's custom audiences: people are
// added and removed by hashed identifiers.
//
// It owns the shape of the Marketing API's requests and answers and Meta's own
// table of errors. It must never know runs, the ledger or retries: policy is
// connectors.Destination's. It never sees a plain address or number: hashes
// are made in SQL, and anything that isn't one is refused before a request.
//
// The promise: Meta counts the rows that it received and those that it
// refused, and names none. Only a request of which all rows were received and
// none refused is Accepted; any other count is handed back as one
// (connectors.Answer.Invalid) or proves nothing.
//
// Sources: the Marketing API v25.0 as in Meta's SDK code generator (2026-04),
// the vendor's pages as read in 2026-11, and threads of its SDKs. Never tried
// against a real account.
package meta
