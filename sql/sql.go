package sql

import "embed"

// Schema holds the migrations as schema/NNNN_name.sql, with the placeholders
// {{database}} and {{project_database}}.
//
//go:embed schema/*.sql
var Schema embed.FS

//go:embed demo examples
var examples embed.FS
