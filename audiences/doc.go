// Package audiences turns the project's models, traits and audiences into
// tables that people and syncs read, and keeps the history of who entered and
// left.
//
// It owns materialization_log, audience_changes_raw, the tables m_<kind>_<name>_…,
// the views by the files' names and the view profiles. Beside it, identity
// decides which identifiers are one person.
//
// It must never know syncs, vendors or HTTP.
//
// # A version's life
//
//	Start ─▶ queued ─▶ computing ─▶ computed ─┬▶ failed      a test of severity error
//	            │          │  (sealed: rows    ├▶ unchanged   equal to the published one
//	            │          │   and checksum)   ├▶ held ───────┬▶ discarded   a person said no
//	            │          │                   │   (limits)   │
//	            │          ▼                   ▼              │ approved
//	            │       failed              checked ◀─────────┘
//	            │    (SQL, duplicate keys)     │
//	            ▼                              ▼
//	        superseded ◀───────────────── published      one row reveals it
//
// The rows of a version go straight into its own partition, and nothing reads
// them before its `published` row exists. A version number is used once: a
// computation that died leaves an unreachable partition, its retry takes the
// next number, and the janitor drops what nobody can reach. What was sealed is
// never computed again.
//
// # Promises
//
//   - Readers see the old membership or the new one, never half of one.
//   - The user's SQL runs at one logical time (the slot's, or the start's), on
//     the versions of traits and audiences that input_versions names: the
//     statement is given them as common table expressions, models included.
//   - Enter and exit rows exist before the version is revealed, once.
//   - A file that fails, fails alone: what depends on it keeps its last good
//     result and says that it is stale, and why.
//   - Set-wise work is the warehouse's; nothing here grows with the number of
//     members but what the warehouse does.
package audiences
