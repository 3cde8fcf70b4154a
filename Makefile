# Each target can be used alone. Variables: make race PKG=./actors/queue COUNT=20

GO       = go
PKG      = ./...
COUNT    = 1
FUZZTIME = 10s
ARGS     =

.PHONY: help check test race fuzz bench bench-peers

help:
	@echo 'make check   gofmt, vet, staticcheck, tests: before each commit'
	@echo 'make test    vet, staticcheck, tests with the race detector: what CI runs; as root it installs what it needs'
	@echo 'make race    tests with the race detector, never from the cache: PKG=./actors/queue COUNT=20'
	@echo 'make fuzz    every fuzz target for FUZZTIME=10s: PKG=./pubsubhub'
	@echo 'make bench   the load tester: ARGS="-run feed/publish -d 5s"; ARGS=-help for more'
	@echo 'make bench-peers   builds and installs asynq and BullMQ, for ARGS="-run job/ -vs asynq,bullmq"'

check:
	@unformatted=$$(gofmt -l .) && test -z "$$unformatted" || { echo "gofmt would change:"; echo "$$unformatted"; exit 1; }
	@$(GO) vet $(PKG)
	@$(GO) tool -modfile=tools/go.mod staticcheck $(PKG)
	@$(GO) test $(PKG)

test:
	@sh tools/prepare certificates cc redis-server
	@echo 'vet'
	@$(GO) vet $(PKG)
	@echo 'staticcheck'
	@$(GO) tool -modfile=tools/go.mod staticcheck $(PKG)
	@echo 'tests'
	@CGO_ENABLED=1 $(GO) test -race $(PKG)

race:
	@sh tools/prepare cc
	@CGO_ENABLED=1 $(GO) test -race -count=$(COUNT) $(PKG)

fuzz:
	@sh tools/fuzz $(FUZZTIME) $(PKG)

bench:
	@$(GO) run ./cmd/bench $(ARGS)

# Each on its own: one that cannot be installed leaves the other, and its row says so.
bench-peers:
	@echo asynq; $(GO) build -C cmd/bench/peers/asynq -o ../../../../bin/bench-asynq . || failed=1; \
	echo BullMQ; (cd cmd/bench/peers/bullmq && npm ci --ignore-scripts --no-audit --no-fund) || failed=1; \
	test -z "$$failed"
