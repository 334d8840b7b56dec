// Command benchreport turns the output of the Go benchmarks, on its standard
// input, into docs/performance.md: each figure beside its limit of the same run,
// with the ratio and the target. It measures nothing itself and must hold no
// figure of ours; a peer that can't be run here stands there with the figure of
// an earlier trial, marked as such. Only `make bench` runs it. Its promise: a row without a measurement
// fails, so that the page is never half of another run.
package main
