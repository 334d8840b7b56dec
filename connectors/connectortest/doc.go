// Package connectortest is the conformance kit that every connector must pass.
//
// It runs a connector against its own stand-in, over real connections, through
// the guarded transport, with the faults of connectors.md §2, and asks after
// each: is each row's result true to what the stand-in holds, is the identity
// of the batch kept, was anything sent twice that must not be? Every request
// that the kit causes is checked against the vendor's own description.
//
// There are no skip flags: a connector states its classes and limits, and the
// kit checks that what it does is right for them. It must never know one
// vendor: what it needs of one is in the Harness.
//
// The promise: a check that can't fail is a defect, so harness_catches runs
// the kit against six connectors broken on purpose, and each must be caught.
package connectortest
