# make help lists what there is to make. Everything works from a clean clone; what a machine lacks, make components adds.
SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS   += --no-print-directory

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
PREFIX  ?= /usr/local
CACHE   := $(or $(REGSYNC_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/regsync-components)
TOOLS   := $(CACHE)/tools-$(shell sha256sum tools/go.mod | cut -c1-12)
IMAGE   ?= ghcr.io/regsync/regsync
PACKERS := $(CACHE)/tools-$(shell sha256sum tools/release/go.mod | cut -c1-12)
DIST    ?= dist
GOOS    ?= $(shell go env GOOS)
GOARCH  ?= $(shell go env GOARCH)

PURE     := ./spec/... ./render/... ./plan/...
FUZZTIME ?= 1m

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '\nVariables, as make TARGET NAME=VALUE:\n'
	@printf '  %-13s %s\n' VERSION 'what the program calls itself ($(VERSION))' DIST 'where release and image put what they make ($(DIST))' \
	  MAINTAINER 'who answers for the packages of release, as NAME <ADDRESS>' PREFIX 'where install puts the program ($(PREFIX)), below DESTDIR' GOOS,\ GOARCH 'what build builds for ($(GOOS), $(GOARCH))' \
	  FUZZTIME 'how long fuzz stays at each target ($(FUZZTIME))' REGSYNC_CACHE 'where components and tools are kept ($(CACHE))' \
	  GOVULNDB 'the database that check asks with govulncheck' DEBIAN_MIRROR 'the mirror that Debian roots come from'

.PHONY: build
build: ## bin/regsync, one static program (without the tag gRPC brings its pages for tracing along, 3.9 MB of them)
	CGO_ENABLED=0 GOOS=$(GOOS) GOARCH=$(GOARCH) go build -tags grpcnotrace -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/regsync ./cmd/regsync

.PHONY: install
install: build ## bin/regsync to $(DESTDIR)$(PREFIX)/bin
	install -D -m 0755 bin/regsync '$(DESTDIR)$(PREFIX)/bin/regsync'

.PHONY: image
image: build ## dist/regsync-image-ARCH.tar, a container image of bin/regsync for docker load, ctr images import, crane push
	@mkdir -p '$(DIST)'
	CGO_ENABLED=0 GOOS= GOARCH= go run ./deploy/image bin/regsync $(GOARCH) $(IMAGE):$(VERSION) '$(DIST)/regsync-image-$(GOARCH).tar'

.PHONY: release
release: $(PACKERS)/nfpm ## dist/: programs, deb, rpm and archives for amd64 and arm64, bills of materials, checksums
	@deploy/packages/build '$(DIST)' '$(VERSION)' '$(PACKERS)'

.PHONY: reproducible
reproducible: ## whether two clones of this commit, the second without Go's cache, give the same release byte for byte
	@deploy/packages/reproducible

# The folders of tools are named by their go.mod, so that none is a prerequisite: in a new clone it is newer, and says nothing new.
$(PACKERS)/nfpm:
	@echo 'building the tools of tools/release/go.mod, once' >&2; mkdir -p $(PACKERS)
	@cd tools/release && GOOS= GOARCH= GOFLAGS= CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o $(PACKERS)/ tool

.PHONY: components
components: $(PACKERS)/nfpm ## the real daemons that the tests start: packages, built releases of containerd, an API server, Kustomize, Helm, Debian roots (a quarter of an hour the first time)
	@test/components/install
	@go run ./test/components

.PHONY: test
test: components ## all tests, from the units to the real components (root gets all of them)
	go test -timeout 30m ./...

.PHONY: test-long
test-long: components ## killed, failed and troubled at every point, and watched for long, with figures (root; an hour and a half)
	REGSYNC_LONG=1 go test -count=1 -v -timeout 3h -run '^(TestCrash|TestCrashTwice|TestFaults|TestTroubles|TestTroublesPage|TestHostile|TestSwapped|TestStrange|TestStrangeFolder|TestConcurrent|TestSoak|TestIdle)$$' ./test | \
	  grep --line-buffered -v '^ *=== '

.PHONY: check
check: generated $(TOOLS)/golangci-lint ## what must be clean before a commit: generated files, format, lint, vet, races
	@echo gofumpt; list=$$(git ls-files -z --cached --others --exclude-standard '*.go' | xargs -0r $(TOOLS)/gofumpt -l); \
	  if [ -n "$$list" ]; then printf 'gofumpt would change:\n%s\n' "$$list"; exit 1; fi
	go vet ./...
	$(TOOLS)/golangci-lint run --allow-parallel-runners ./...
	@if command -v cc >/dev/null; then echo 'go test -race $(PURE)'; CGO_ENABLED=1 go test -race $(PURE); \
	  elif [ "$${CI:-}" = true ]; then echo 'missing on this machine: cc, for the race detector'; exit 1; \
	  else echo 'skipped: go test -race: no cc on this machine'; fi
	@if [ -n "$${GOVULNDB:-}" ]; then echo govulncheck; $(TOOLS)/govulncheck -db "$$GOVULNDB" ./...; \
	  else echo 'skipped: govulncheck: GOVULNDB names no database (https://vuln.go.dev, or a mirror)'; fi

.PHONY: fmt
fmt: $(TOOLS)/golangci-lint ## format all Go files as check wants them
	@git ls-files -z --cached --others --exclude-standard '*.go' | xargs -0r $(TOOLS)/gofumpt -w

.PHONY: generated
generated: # go generate changes nothing
	@echo go generate ./...; before=$$(git diff | sha256sum); go generate ./...; \
	  if [ "$$before" != "$$(git diff | sha256sum)" ]; then git diff --stat; echo 'generated files were not up to date; now they are'; exit 1; fi

$(TOOLS)/golangci-lint:
	@echo 'building the tools of tools/go.mod, once'; mkdir -p $(TOOLS)
	@cd tools && CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o $(TOOLS)/ tool

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (1m)
	@for package in $$(go list ./...); do \
	  for target in $$(go test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
	    echo "$$package $$target"; go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1s -parallel 1 $$package; \
	  done; done

.PHONY: demo
demo: build ## a node, a registry, plan, apply, a pull, reset: as a terminal session (root)
	@test/components/install
	@go run ./test/demo bin/regsync

.PHONY: picture
picture: ## the picture of README, recorded on a node of the suite (root) and drawn by python3-rich
	UPDATE=1 go test -count=1 -run '^TestStories$$/^picture' ./test
	/usr/bin/python3 docs/picture/draw.py

.PHONY: bench
bench: build ## plan beside cat, version beside an empty program, and the benchmarks of the core
	@go run ./test/bench bin/regsync
	go test -run '^$$' -bench . -benchmem $(PURE)

.PHONY: bench-images
bench-images: build components ## archives of 1 GiB and of 40 images, beside ctr images import (root; 20 minutes, 6 GB of disk)
	@go run ./test/bench images bin/regsync $(ROUNDS)

.PHONY: bench-peers
bench-peers: build ## plan and apply beside an Ansible playbook and a shell script of the same registries (root; an hour and a half, MOST=200 a quarter of one)
	@test/components/install peers
	@go run ./test/bench peers bin/regsync $(MOST)

.PHONY: size
size: build ## how big the program is, and what each heavy dependency adds, by building it storey by storey
	@go run ./test/bench size bin/regsync

.PHONY: clean
clean: ## what was built here; the cache of components stays
	rm -rf bin dist
	rm -f *.test *.prof
