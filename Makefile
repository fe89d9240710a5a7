# Every target sets up what it needs. `make help` lists them.
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
SETUP := node_modules/.articdbm-setup
.DEFAULT_GOAL := help
.PHONY: help setup servers demo test test-long check generate build bundle bench bench-operator coverage fuzz fmt clean clean-build \
  node cluster cluster-down images e2e e2e-long

help: ## what each target does
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

$(SETUP): package-lock.json
	@command -v npm >/dev/null || { echo "npm is needed (any Node from 20 on brings it); the project's own Node comes with the packages"; exit 1; }
	npm ci --no-audit --no-fund --loglevel=error
	@node tools/setup/check-node.ts
	@ln -sf ../../bin/articdbm.js node_modules/.bin/articdbm
	@touch $@

setup: $(SETUP) ## install the npm packages, the pinned Node among them, and the command articdbm to node_modules/.bin

servers: $(SETUP) ## install the servers and clients that tests talk to (apt-get, when root on Debian)
	@bash tools/setup/servers.sh

demo: $(SETUP) ## the main job on an embedded PostgreSQL: allowed, refused, changed while open
	@node tools/demo/main.ts

test: servers ## every suite but the -long ones
	@node tools/ci/suites.ts test

test-long: servers ## what takes too long for each day: last results in docs/long-tests.md
	@LONG=1 node tools/ci/suites.ts test

check: $(SETUP) ## format, lint, types, generated files, links of the documents
	@node tools/ci/suites.ts check

generate: $(SETUP) ## types, schemas and reference pages from crds/
	@node tools/generate/main.ts

build: $(SETUP) ## compile to dist/
	@node tools/build/build.ts

bundle: $(SETUP) ## the small proxy bundle in dist-bundle/
	@node tools/build/bundle.ts

bench: servers bundle ## side by side with PgBouncer and a direct connection; writes docs/benchmarks.md
	@node proxy/src/bench/main.ts

bench-operator: servers node ## operator, webhooks and sidecar on real parts, half an hour, root; its own section of docs/benchmarks.md
	@node operator/bench/main.ts

node: $(SETUP)
	@bash tools/setup/node.sh

cluster: node ## a Kubernetes to try things in, last line its KUBECONFIG; CLUSTER=existing|kind|local NAME=… (e2e/cluster/README.md)
	@e2e/cluster/up.sh

cluster-down: ## end it and leave nothing of it
	@e2e/cluster/down.sh

images: node ## the images of operator, proxy and stories, in archives outside the checkout (docs/images.md)
	@tools/images/images.sh

e2e: images ## in a real cluster: what a node must be able to, then every story of e2e/stories
	@node tools/ci/suites.ts e2e

e2e-long: images ## these, and those of e2e/stories-long: last results in docs/long-tests.md
	@LONG=1 node tools/ci/suites.ts e2e

coverage: servers ## line coverage of the unit tests
	@c8 --all --src contract --src proxy/src --src cli --exclude '**/*.test.ts' --exclude '**/*.gen.ts' mocha

fmt: $(SETUP) ## format everything
	@prettier --write --log-level=warn .

clean-build: ## remove what was built, so that the command runs the sources again
	rm -rf dist dist-bundle

clean: ## remove what was built or installed here
	rm -rf dist dist-bundle coverage node_modules
