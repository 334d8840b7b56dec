// Package sql holds Tailrace's SQL files and embeds them in the binary.
//
// It owns schema/ (the versioned migrations, which warehouse applies), demo/
// (the shop project that tailrace init writes) and examples/ (the others). It must never know how they are
// run. Its promise: a migration that was released is
// never edited; a change is a new file with the next number.
package sql
