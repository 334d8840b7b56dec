package sql

import "embed"

// Schema holds the migrations as schema/NNNN_name.sql, with the placeholders
// {{database}} and {{project_database}}.
//
//go:embed schema/*.sql
var Schema embed.FS

// Demo holds the shop project that `tailrace init` writes, under demo/.
//
//go:embed demo
var Demo embed.FS
