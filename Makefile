# Tailrace. `make` prints this help.
SHELL := /bin/bash
.DEFAULT_GOAL := help

BIN      := bin/tailrace
LIBCHDB  := bin/libchdb.so
SDKS     := collector/testdata/sdks/node_modules/.package-lock.json
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  := -s -w -X main.version=$(VERSION)
SOURCES  := $(shell find . -name '*.go' -not -path './node_modules/*') $(shell find sql syncs audiences -name '*.sql' 2>/dev/null) go.mod go.sum
FUZZTIME ?= 2s
BENCH    := go test -run '^$$' -timeout 60m -bench

export TAILRACE_LIBCHDB ?= $(CURDIR)/$(LIBCHDB)

.PHONY: help demo test test-go test-fuzz build libchdb redis sdks lint bench fuzz generate verify clean

help: ## print this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  \033[1m%-10s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: build ## play a shop's traffic through the whole path and keep running (ONCE=1 ends after the first round)
	@$(BIN) demo $(if $(ONCE),--once)

test: libchdb redis sdks build ## every test: real embedded ClickHouse, real redis-server, real SDKs, race detector, short fuzzing
	@$(MAKE) --no-print-directory test-go test-fuzz

# vet and build share what they compile; the race detector's build is its own. Tests of the binary take bin/tailrace.
test-go:
	CGO_ENABLED=0 go vet ./...
	TAILRACE_BINARY=$(CURDIR)/$(BIN) TAILRACE_SDKS=required go test -race -timeout 20m ./...

test-fuzz:
	@./.ci/fuzz $(FUZZTIME)

build: libchdb $(BIN) ## build bin/tailrace

$(BIN): $(SOURCES)
	CGO_ENABLED=0 go build -ldflags '$(LDFLAGS)' -o $@ ./cmd/tailrace

libchdb: $(LIBCHDB) ## install the embedded ClickHouse engine into bin/

$(LIBCHDB): warehouse/npm/package-lock.json
	@echo "installing libchdb (ClickHouse in process, about 160 MB) with npm"
	@mkdir -p bin
	@cd warehouse/npm && npm ci --no-audit --no-fund --loglevel=error
	@mv -f warehouse/npm/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so $@ && touch $@ && rm -rf warehouse/npm/node_modules

redis: ## install redis-server for the tests (Debian, root) or say what to install
	@command -v redis-server >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "installing redis-server"; apt-get update -qq >/dev/null && apt-get install -y -qq redis-server >/dev/null; \
	  else echo "redis-server is missing: install it (Debian: sudo apt-get install redis-server) and run make again" >&2; exit 1; fi; }

sdks: $(SDKS) ## install the SDKs that the collector's tests drive, and chromium (Debian, root) or say what to install
	@command -v chromium >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "installing chromium"; apt-get update -qq >/dev/null && apt-get install -y -qq --no-install-recommends chromium >/dev/null; \
	  else echo "chromium is missing: install it (Debian: sudo apt-get install chromium) and run make again" >&2; exit 1; fi; }

$(SDKS): collector/testdata/sdks/package-lock.json
	@echo "installing SDKs for the collector's tests (about 41 MB) with npm"
	@cd collector/testdata/sdks && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

lint: ## vet and staticcheck
	CGO_ENABLED=0 go vet ./...
	go tool staticcheck ./...

bench: build ## measure everything beside its limit and write docs/performance.md (TAILRACE_BENCH_ROWS=1000000)
	@set -o pipefail; export TAILRACE_BENCH_ROWS=$${TAILRACE_BENCH_ROWS:-1000000} TAILRACE_BINARY=$(CURDIR)/$(BIN); \
	  { $(BENCH) '^Benchmark(Collect|EngineJSONEachRow)$$' -benchtime 3x ./collector && $(BENCH) '^BenchmarkSync$$' -benchtime 1x ./syncs && \
	    $(BENCH) '^BenchmarkAudience$$' -benchtime 1x ./audiences && $(BENCH) '^BenchmarkDelay$$' -benchtime 1x ./cmd/tailrace; } | go run ./cmd/benchreport docs/performance.md

fuzz: libchdb ## fuzz everything that parses, ten minutes a target (FUZZTIME=…)
	@./.ci/fuzz $(if $(filter 2s,$(FUZZTIME)),10m,$(FUZZTIME))

generate: build ## write what is generated from the types: OpenAPI, JSON Schemas, reference pages
	go generate ./...

verify: generate ## generate and expect no difference
	git diff --exit-code

clean: ## remove what was built and the demo's data
	rm -rf bin .tailrace
