// Package project turns the files of a Tailrace project into typed definitions
// with positions, and everything that is wrong with them into diagnostics.
//
// It owns the meaning of tailrace.yml, sources/*.yml, tracking_plans/*.yml,
// models/*.sql, traits/*.sql, audiences/*.sql, destinations/*.yml,
// syncs/*.yml and tests/*.yml: their keys, defaults, references and the graph between them.
//
// It must never know a database, HTTP or a vendor. What only a warehouse or a
// connector knows reaches it as plain values: columns in [CheckColumns], a
// [Catalog] in [Project.Check].
//
// Its promise: reading collects every mistake instead of stopping at the first,
// each at its file:line:column; reading the same files gives the same
// [Project.Hash]; and a [Project.Bundle] holds references to secrets, never
// their values, so that each process resolves them from its own environment.
//
//	files ──▶ Load ──▶ Project ──▶ Bundle ──▶ (warehouse) ──▶ FromBundle ──▶ Project
//	                └▶ Diagnostics ──▶ text | JSON | SARIF | GitHub annotations
package project
