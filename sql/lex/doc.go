// Package lex reads ClickHouse SQL as tokens. It owns what can be known about
// a statement without an engine: where each token stands, which tables,
// common table expressions and functions are named, where the front matter of
// a file begins and ends, which calls read the clock, and where one statement
// ends and the next begins.
//
// It must never know a database, a project or a file system, and it never
// parses expressions: whether a statement is valid, and what its names resolve
// to, is asked of the engine (package warehouse). What it finds is therefore
// good for positions, for early and friendly messages, and for refusing what
// could hide from the engine's own report; never as the only proof that a
// statement is harmless.
//
// Its promise: Tokens never fails and never loses a byte (the texts of all
// tokens joined are the source), its tokens are those of ClickHouse's own
// lexer, every position is a byte offset with the line and column an editor
// shows, and no input makes it panic.
package lex
