// Package mailchimp translates batches for one Mailchimp audience: contacts
// and their merge fields (members), subscribing and unsubscribing
// (subscribers), tags, and static segments.
//
// It owns the shape of Mailchimp's requests and answers and Mailchimp's own
// table of errors. It must never know runs, the ledger or retries: policy is
// connectors.Destination's.
//
// The promise: no subscription status changes unless the sync's object is
// subscribers. Object members creates a contact with the status that the
// settings name and leaves that of an existing one alone; tag and segment
// never touch it. A contact is Accepted only if Mailchimp's answer shows it.
//
// Sources: Mailchimp's own description of the Marketing API 3.0.55, requests of
// @mailchimp/mailchimp_marketing 3.0.80, and threads about what the API does
// where the description is silent, as read in 2026-11. Never tried against a
// real account.
package mailchimp
