package warehouse

//go:generate go test -count=1 -run Cluster . -update-cluster

import (
	"context"
	"fmt"
	"strings"

	"github.com/tailrace/tailrace/sql/lex"
)

// On a cluster every table is replicated and every DDL statement goes to all
// replicas. One place does it for migrations and for what the program creates
// as it runs: each statement is rewritten on its way to the server, so no other
// package knows of clusters.
//
// The ledger's reads must see its writes (claims are append and read-back), so
// all statements of all processes go to one replica, which the DSN names, and
// an insert is acknowledged when most replicas have it: what was acknowledged
// survives that replica. Quorum inserts in sequence
// (insert_quorum_parallel = 0), which sequential reads on any replica would
// need, refuse a second writer while the first is under way, and workers write
// outcomes at the same time.

const (
	// replicaPath gives each table a path that no former table of its name had.
	replicaPath = "'/clickhouse/tables/{uuid}/{shard}', '{replica}'"
	// dedupSeconds is how long a replicated table remembers insert tokens at
	// least: longer than any retry of a run.
	dedupSeconds = 7 * 24 * 60 * 60
)

// clusterSettings go with every statement on a cluster.
func clusterSettings() map[string]any {
	return map[string]any{
		"insert_quorum":         "auto", // most of the replicas
		"insert_quorum_timeout": 60_000, // ms
		// DDL waits for every replica that is up, and answers without a table of hosts.
		"distributed_ddl_output_mode": "none",
	}
}

// onCluster renders a statement for a cluster; "" leaves it as it is.
func onCluster(sql, cluster string) string {
	if cluster == "" {
		return sql
	}
	switch firstWord(sql) {
	case "CREATE", "DROP", "EXCHANGE", "RENAME":
	default:
		return sql // a replicated table carries ALTER, DELETE, TRUNCATE and OPTIMIZE to its replicas itself
	}
	tokens := lex.Significant(lex.Tokens(sql))
	var edits []lex.Replacement
	insert := func(at int, text string) { edits = append(edits, lex.Replacement{From: at, To: at, Text: text}) }
	where := " ON CLUSTER " + quoteString(cluster)
	i := 1
	for i < len(tokens) && tokens[i].Any("OR", "REPLACE", "MATERIALIZED") {
		i++
	}
	switch {
	case i >= len(tokens) || tokens[0].Is("CREATE") && tokens[i].Is("TEMPORARY"):
		return sql
	case tokens[0].Any("EXCHANGE", "RENAME"):
		insert(tokens[len(tokens)-1].End(), where)
		return lex.Replace(sql, edits).SQL
	case !tokens[i].Any("DATABASE", "TABLE", "VIEW"):
		return sql
	}
	table := tokens[i].Is("TABLE")
	i++
	for i < len(tokens) && tokens[i].Any("IF", "NOT", "EXISTS") {
		i++
	}
	if i >= len(tokens) {
		return sql
	}
	for i+2 < len(tokens) && tokens[i+1].Is(".") {
		i += 2
	}
	insert(tokens[i].End(), where)
	if table && tokens[0].Is("CREATE") {
		edits = append(edits, replicated(tokens[i+1:])...)
	}
	return lex.Replace(sql, edits).SQL
}

// replicated turns the engine of a CREATE TABLE into its replicated kind.
func replicated(tokens []lex.Token) []lex.Replacement {
	var edits []lex.Replacement
	depth, engine := 0, false
	for i := 0; i < len(tokens); i++ {
		t := tokens[i]
		switch {
		case t.Is("("):
			depth++
		case t.Is(")"):
			depth--
		case depth != 0:
		case t.Is("ENGINE"):
			engine = true
		case engine && t.Kind == lex.Word && strings.HasSuffix(t.Text, "MergeTree"):
			engine = false
			edits = append(edits, lex.Replacement{From: t.Pos.Offset, To: t.Pos.Offset, Text: "Replicated"})
			switch {
			case i+1 >= len(tokens) || !tokens[i+1].Is("("):
				edits = append(edits, lex.Replacement{From: t.End(), To: t.End(), Text: "(" + replicaPath + ")"})
			case i+2 < len(tokens) && tokens[i+2].Is(")"):
				edits = append(edits, lex.Replacement{From: tokens[i+1].End(), To: tokens[i+1].End(), Text: replicaPath})
			default:
				edits = append(edits, lex.Replacement{From: tokens[i+1].End(), To: tokens[i+1].End(), Text: replicaPath + ", "})
			}
		case t.Is("non_replicated_deduplication_window"):
			edits = append(edits, lex.Replacement{From: t.Pos.Offset, To: t.End(),
				Text: fmt.Sprintf("replicated_deduplication_window_seconds = %d, replicated_deduplication_window", dedupSeconds)})
		}
	}
	return edits
}

// prepare makes a call fit for the cluster.
func (db *DB) prepare(call *statementCall) {
	if db.cluster == "" {
		return
	}
	call.sql = onCluster(call.sql, db.cluster)
	if firstWord(call.sql) != "INSERT" {
		return
	}
	// Replicated tables drop a block that looks like one of the last even
	// without a token; a statement of ours that computes the same rows for two
	// reasons must write both.
	if _, named := call.settings["insert_deduplication_token"]; !named {
		call.settings["insert_deduplicate"] = "0"
	}
}

// catchUp waits until this replica has all that others were told: a DSN that
// now names another replica than before must not show an older ledger.
func (db *DB) catchUp(ctx context.Context) error {
	if db.cluster == "" {
		return nil
	}
	var tables []string
	err := db.Select(ctx, &tables, "SELECT table FROM system.replicas WHERE database = ? ORDER BY table", db.database)
	if err != nil {
		return fmt.Errorf("listing replicated tables: %w", err)
	}
	for _, table := range tables {
		if err := db.Exec(ctx, "SYSTEM SYNC REPLICA "+quoteIdentifier(db.database)+"."+quoteIdentifier(table)+" LIGHTWEIGHT"); err != nil {
			return fmt.Errorf("waiting for this replica of %s to catch up: %w; is the replica that was written to before away for good?", table, err)
		}
	}
	return nil
}
