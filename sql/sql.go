package sql

import "embed"

// Schema holds the migrations as schema/NNNN_name.sql, with the placeholders
// {{database}} and {{project_database}}.
//
//go:embed schema/*.sql
var Schema embed.FS

// Demo holds the projects that `tailrace init` writes: the shop under demo/, the
// others under examples/NAME/. [Examples] names them.
//
//go:embed demo examples
var Demo embed.FS
