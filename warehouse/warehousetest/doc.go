// Package warehousetest gives tests the real engine: one embedded ClickHouse a
// test process, and a fresh migrated database for each test.
//
// It must never be imported outside tests. Its promise: what one test does is
// not seen by another, and nothing is left on disk.
package warehousetest
