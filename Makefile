# One place for every command, the same on a laptop and in CI. `make` alone lists them.

# A shell that is named: make then always asks it to look commands up, so the PATH below counts everywhere.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# On Linux (x64, arm64) the packages bring Node itself: their folder comes first, for `node` as for the tools.
# npm alone keeps the caller's PATH, since `npm ci` deletes the folder that it would otherwise run from.
LOCAL_BIN := $(CURDIR)/node_modules/.bin
CALLERS_PATH := $(subst $(LOCAL_BIN):,,$(PATH))
export PATH := $(LOCAL_BIN):$(CALLERS_PATH)

# One process for all files: ten times faster than one each. A test may not change what others see
# (environment, globals, working folder). The time-out turns a test that hangs into one that fails.
NODE_TEST := node --test --test-isolation=none
FAST_TESTS := 'src/**/!(*.slow).test.ts' 'test/!(aws)/**/!(*.slow).test.ts' 'test/!(*.slow).test.ts'
AWS_TESTS := 'test/aws/!(*.slow).test.ts'
SLOW_TESTS := 'src/**/*.slow.test.ts' 'test/**/*.slow.test.ts'

.PHONY: help start start-aws build-kubernetes test test-aws test-slow test-kubernetes test-all check check-format check-types check-unused simulate simulate-teeth bench price format reference ci-deploy destroy redrive kubernetes-manifests ready

help: ## List the targets
	@sed -nE 's/^([a-z][a-z-]*):[^#]*## (.*)$$/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-22s %s\n", $$1, $$2 }'

start: ready ## Run everything in one process on this machine
	@exec node src/deployments/embedded/main.ts

start-aws: ready ## Run the deployed system on an emulator of AWS, beside a simulated GitHub
	@exec node src/deployments/aws/emulated/main.ts

test: ready ## Run the fast tests
	@$(NODE_TEST) --test-timeout=60000 $(FAST_TESTS)
	@$(MAKE) test-aws

test-aws: ready ## Deploy to an emulator of AWS, and try the deployed system
	@$(NODE_TEST) --test-timeout=900000 $(AWS_TESTS)

build-kubernetes: ready ## Build Kubernetes and kwok from source, which later runs find in a cache
	@node scripts/kubernetes.ts --build

test-slow: build-kubernetes ## Run the slow suites
	@$(NODE_TEST) --test-timeout=900000 $(SLOW_TESTS)

test-kubernetes: build-kubernetes ## Run the suites on Kubernetes itself, which the first run builds (15 minutes); docs/hosts/kubernetes.md says how on yours
	@$(NODE_TEST) --test-timeout=900000 'test/kubernetes/*.slow.test.ts'

test-all: ## Run all that a change must pass: check, test, test-slow
	@$(MAKE) check
	@$(MAKE) test
	@$(MAKE) test-slow

check: check-format check-types check-unused ## Check format, lint, types, and for unused code

check-format: ready ## Check format and lint (`make format` mends what it can)
	@biome check --error-on-warnings

check-types: ready ## Check the types
	@tsc

check-unused: ready ## Find unused files, exports and dependencies
	@knip --no-progress

simulate: ready ## Run the simulator
	@exec node src/deployments/simulator/main.ts

simulate-teeth: ready ## Prove that the simulator's checkers bite: mutate the code, and see each mutation caught
	@exec node src/deployments/simulator/teeth.ts

bench: ready ## Run the benchmarks
	@exec node bench/main.ts

kubernetes-manifests: ready ## Print what a namespace needs for a host on Kubernetes (ARGS=--help): ... | kubectl apply -f -
	@exec node src/deployments/kubernetes-manifests.ts $(ARGS)

ci-deploy: ready ## Deploy to AWS (ARGS=--help lists what it can be told)
	@exec node src/deployments/aws/deploy/main.ts deploy $(ARGS)

destroy: ready ## Delete what is deployed on AWS (ARGS=--help)
	@exec node src/deployments/aws/deploy/main.ts destroy $(ARGS)

redrive: ready ## Show dead letters on AWS, and have them handled once more (QUEUE=part-of-a-name, ARGS=--dry-run)
	@exec node src/deployments/aws/deploy/main.ts redrive $(QUEUE) $(ARGS)

price: ready ## Print what a million jobs and an idle month cost on AWS
	@exec node bench/price/main.ts

format: ready ## Format the code and mend what lint can mend
	@biome check --write

reference: ready ## Write docs/reference from the source
	@node scripts/generate-reference.ts

# What every target needs first: the packages, and a Node that is new enough.
ready: node_modules/.installed
	@node scripts/check-node.mjs

node_modules/.installed: package-lock.json package.json
	@command -v npm >/dev/null || { echo 'npm is not on the PATH: install Node 24, which brings it (https://nodejs.org)' >&2; exit 1; }
	@echo 'Installing the packages of package-lock.json (npm ci) ...'
	@PATH='$(CALLERS_PATH)' npm ci --no-audit --no-fund --loglevel=error
	@touch $@
