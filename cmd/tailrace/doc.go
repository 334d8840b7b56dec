// Command tailrace is the whole product in one binary: `tailrace serve` runs the collector, the API, the
// scheduler and the workers; every other command is a client of the same API.
//
// It owns the wiring and the command line, and is the only place that knows every package. It must never hold
// rules of its own: what a command does is an API call, so that scripts, people and the dashboard get one answer.
//
// A command finds its server in this order: --server or TAILRACE_SERVER; the running `serve` that left its
// address and a local token in the data folder (mode 0600); else it opens the data folder itself, runs the same
// API handler in process for the length of the command, and closes it again.
package main
