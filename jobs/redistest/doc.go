// Package redistest owns a real redis-server for tests: one per call, on a free port of 127.0.0.1, with an
// append-only file in the test's folder, that can be killed, frozen and started again.
//
// It must never know what is kept in it. Its promise: the process it started is gone when the test is.
package redistest
