// Package connectors owns the contract between Tailrace and the places it
// sends data to, and the policy that every such place is treated with.
//
// A [Connector] is a value: its definition (objects, actions, classes,
// limits, budgets) is data that documentation, planner and conformance kit
// read without running it. Its [Writer] only translates one batch into one
// request that changes state and the answer into one [Result] per row. A
// [Destination] wraps a Writer and holds all policy: it checks a batch before
// it is sent, takes from the shared budgets, sends through the one guarded
// [Transport], classifies what came back, redacts and records.
//
// Capabilities are small optional interfaces that a Writer may implement:
//
//	Lister     iterates the members of a target (reconcile)
//	Counter    size of a target, exact or "about, as of"
//	Looker     did this key, reference or identifier arrive? (class C; finds Ref)
//	Describer  objects, targets and fields with their types
//	Refresher  a new access token from the refresh token
//	Tester     one harmless call: which account is this, which rights are missing
//	Poller     asks for the outcome of a ticket (required when any Spec.Async)
//	Sizer      encoded sizes, so that a sealed batch is one request
//
// It must never know the warehouse, runs, plans or queues; it imports no other
// package of Tailrace. Vendors' folders know this package and nothing else.
//
// The promise: a row is Accepted only from evidence in the vendor's answer,
// the zero value of a result is Unknown, silence is never success; nothing is
// sent twice by this package; no secret leaves in an error, log or record; no
// connection is made to an address that the guard denies.
package connectors
