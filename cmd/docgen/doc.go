// Command docgen writes the reference pages under docs/reference from what the
// program itself reads: the project's types and bad files, the list of
// connectors, and the warehouse's schema. It must never hold a fact of its own,
// and only `make generate` and its test run it. Its promise: the committed pages
// say what this version of the code does, or the test fails.
package main

//go:generate go run .
