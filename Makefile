# Each target can be used alone. Variables: make race PKG=./actors/queue COUNT=20

GO       = go
PKG      = ./...
COUNT    = 1
FUZZTIME = 10s
ARGS     =
SEED     = 1
FOR      = 10m
TOPOLOGY = standalone

# Modules of their own, so that what they need reaches nobody who uses the library.
MODULES  = cmd/bench/peers/asynq cmd/bench/plots

.PHONY: help check test topologies race fuzz bench bench-peers chaos chaos-bugs soak resume

help:
	@echo 'make check   gofmt, vet, staticcheck, tests: before each commit'
	@echo 'make test    vet, staticcheck, tests with the race detector: what CI runs; as root it installs what it needs'
	@echo 'make topologies   the tests and one run of chaos behind sentinels and on a cluster; make test does that too'
	@echo 'make race    tests with the race detector, never from the cache: PKG=./actors/queue COUNT=20'
	@echo 'make fuzz    every fuzz target for FUZZTIME=10s: PKG=./pubsubhub'
	@echo 'make chaos   real processes under faults, and audits: SEED=1 FOR=10m, TOPOLOGY=cluster or sentinel; FOR=1s is the one run of that seed'
	@echo 'make chaos-bugs  bugs are seeded into the engine, one at a time: the audits find each'
	@echo 'make soak    mixed load under faults for a long time, nothing grows: FOR=30m'
	@echo 'make resume  how long service takes to resume after each kind of failure'
	@echo 'make bench   the load tester: ARGS="-run feed/publish -d 5s"; ARGS=-help for more'
	@echo 'make bench-peers   builds and installs asynq and BullMQ, for ARGS="-run job/ -vs asynq,bullmq"'

check:
	@unformatted=$$(gofmt -l .) && test -z "$$unformatted" || { echo "gofmt would change:"; echo "$$unformatted"; exit 1; }
	@$(GO) vet $(PKG)
	@$(GO) tool -modfile=tools/go.mod staticcheck $(PKG)
	@$(GO) test $(PKG)
	@for m in $(MODULES); do $(GO) vet -C $$m ./... && $(GO) test -C $$m ./... || exit 1; done

test:
	@sh tools/prepare certificates cc redis-server
	@echo 'vet'
	@$(GO) vet $(PKG)
	@echo 'staticcheck'
	@$(GO) tool -modfile=tools/go.mod staticcheck $(PKG)
	@echo 'tests'
	@CGO_ENABLED=1 sh tools/loud -race $(PKG)
	@for m in $(MODULES); do $(GO) vet -C $$m ./... && $(GO) test -C $$m ./... || exit 1; done
	@$(MAKE) --no-print-directory topologies

# What runs on every topology: the engine as its users see it, the types, and what peers see. Tests with servers of their
# own skip themselves: they are the same on every topology.
WHERE = . ./engine ./actors/... ./internal/contract/conformance

topologies:
	@echo 'tests behind sentinels'
	@THOONK_TOPOLOGY=sentinel sh tools/loud $(WHERE)
	@echo 'tests on a cluster'
	@THOONK_TOPOLOGY=cluster sh tools/loud -p 1 $(WHERE)
	@echo 'chaos behind sentinels'
	@$(GO) test -count=1 ./internal/chaos -run '^TestChaos$$' -topology=sentinel -seed=$(SEED) -for=1s
	@echo 'chaos on a cluster'
	@$(GO) test -count=1 ./internal/chaos -run '^TestChaos$$' -topology=cluster -seed=$(SEED) -for=1s
	@echo 'tests that watch the keys of scripts'
	@THOONK_AUDIT=keys sh tools/loud -skip 'Test(Delay|Crash)$$' . ./actors/... # they are about time, of which MONITOR takes much

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

# Packages are given without the race detector here: what races, the short runs of "make test" find.
CHAOS = $(GO) test -count=1 -timeout=0 -v ./internal/chaos

chaos:
	@sh tools/prepare cc redis-server
	@$(CHAOS) -run '^TestChaos$$' -topology=$(TOPOLOGY) -seed=$(SEED) -for=$(FOR)

chaos-bugs:
	@sh tools/prepare redis-server
	@$(CHAOS) -run '^TestBugs$$' -seed=$(SEED) -all

soak:
	@sh tools/prepare cc redis-server
	@$(CHAOS) -run '^TestSoak$$' -seed=$(SEED) -soak=$(FOR)

resume:
	@sh tools/prepare cc redis-server
	@$(CHAOS) -run '^TestResume$$' -all
