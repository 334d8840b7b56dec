// Package sandbox holds the stand-ins: vendors in the binary, with a model in
// memory, for the demo, for tests and for anyone without credentials.
//
// It owns what a stand-in imitates: requests that the vendor would refuse are
// refused in its words, its rate limits, errors of single rows, and faults on
// demand. It must never know a vendor's connector, so that a mistake in one
// isn't repeated in the other.
//
// The promise: a stand-in never pretends to be real. Every answer carries the
// header Tailrace-Standin, ids begin with standin_, every page says what it is.
//
//	/_standin/state    what it holds, for reconcile and for proof
//	/_standin/faults   GET, POST, DELETE: faults on demand (see Fault)
//	/                  a page for people
//
// Rows answer by their e-mail address, the same everywhere:
//
//	invalid@…    refused, and named
//	forgotten@…  refused for good, and named
//	locked@…     put off the first time, taken the second
//	unnamed@…    refused without being named, where the vendor does that
//	poison@…     the whole request is refused
//	slow@…       answered late
package sandbox
