// Package dbt reads what dbt leaves behind, and writes what dbt can read.
//
// It owns the shapes of dbt's artifacts: manifest.json (schemas v7 to v12, dbt
// Core 1.3 to 1.11, and v20 of Fusion), run_results.json, and the YAML of
// exposures. It must never know Tailrace's project, the warehouse or HTTP.
// Its promise: it keeps of a manifest only what names tables, however large
// the file is, and takes a file that it doesn't understand for an error, never
// for an empty project.
//
//	manifest.json ─▶ Manifest ─┐
//	run_results.json ─▶ Run ───┴▶ Built: which tables are new
//	lineage of syncs ───────────▶ WriteExposures ─▶ YAML for dbt
package dbt
