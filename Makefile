# Every target works first and alone: each installs what it needs. Plain `make` lists them.
SHELL := /bin/sh
BIN := node_modules/.bin
NODE := $(BIN)/node
.DEFAULT_GOAL := help
# All that have a line in the list below.
.PHONY: $(shell sed -nE 's/^([a-z-]+):.*[#]{2} .*/\1/p' $(MAKEFILE_LIST))

help: ## Lists these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /  \1\t/' | expand -t 20

setup: node_modules/.installed ## Installs npm packages, ffmpeg and the other programs, and the bundled models (says what first)
	@scripts/setup-system
	@./heimdex models pull bundled

node_modules/.installed: package-lock.json
	@scripts/setup-node
	@touch $@

demo: setup ## Makes footage, indexes it and answers five questions
	@./heimdex demo

test: setup ## Runs all tests but those of the targets below
	@$(NODE) --test --test-concurrency=2 'packages/*/src/**/*.test.ts' 'services/*/src/**/*.test.ts' 'apps/*/src/**/*.test.ts' 'benchmarks/src/**/*.test.ts' 'tests/*.test.ts' 'tests/!(footage|languages)/**/*.test.ts'
	@echo "left out: what needs Docker (make test-cluster), other languages (make test-languages), real footage (make test-footage), the stage conformance kit (make test-kit), benchmarks at their smallest (make test-benchmarks)"

test-benchmarks: setup ## Every benchmark runs to its end in its smallest configuration
	@$(NODE) --test --test-concurrency=2 benchmarks/src/benchmarks.smoke.ts

test-footage: setup ## Tests with real footage in a folder: make test-footage FOOTAGE=FOLDER
	@HEIMDEX_FOOTAGE="$(FOOTAGE)" $(NODE) --test tests/footage/footage.test.ts

test-kit: setup ## The stage conformance kit: first-party stages pass it, and each broken worker fails its check
	@$(NODE) --test --test-concurrency=1 'packages/stage-kit/src/*.kit.ts' 'tests/kit/*.kit.ts'

test-languages: setup ## The SDK's package, and the guide, templates, examples and clients in TypeScript, Python and Go; says what it could not run
	@$(NODE) --test --test-concurrency=1 'tests/languages/*.test.ts'; status=$$?; scripts/say-languages; exit $$status

CLUSTER_TESTS ?= 'packages/*/src/**/*.cluster.ts' 'services/*/src/**/*.cluster.ts' 'tests/cluster/*.cluster.ts'
test-cluster: setup images ## Tests with MongoDB, NATS and MinIO in containers, and with the whole of deploy/compose; needs Docker. CLUSTER_TESTS='FILE...': only these
	@$(NODE) --test --test-concurrency=1 $(CLUSTER_TESTS)

chaos: setup images ## The cluster's fault run: 200 jobs for each of three random seeds, or as in make chaos SEED=1,2 JOBS=50; needs Docker
	@CHAOS_SEEDS="$(or $(SEED),$(shell od -An -N6 -tu2 /dev/urandom | tr -s ' ' ',' | cut -c2-))" CHAOS_JOBS="$(or $(JOBS),200)" $(NODE) --test tests/cluster/faults.cluster.ts

lint: node_modules/.installed ## Checks style and the contracts
	@$(BIN)/biome check .
	@$(BIN)/buf lint --path proto/heimdex
	@$(BIN)/buf format --diff --exit-code --path proto/heimdex

fmt: node_modules/.installed ## Formats everything
	@$(BIN)/biome check --write .
	@$(BIN)/buf format -w --path proto/heimdex

types: node_modules/.installed ## Checks types
	@$(BIN)/tsc -p .

proto: node_modules/.installed ## Generates code from the contracts
	@packages/contracts/generate.sh

breaking: node_modules/.installed ## Fails when the contracts break what the last tag promised (without tags: main, or the commit before)
	@scripts/check-breaking

stale: node_modules/.installed ## Fails when generated files are not what their sources give
	@scripts/check-stale

secrets: ## Searches every commit, and what lies here, for credentials (gitleaks; needs Go)
	@scripts/check-secrets

workflows: ## Checks .github/workflows (actionlint; needs Go)
	@$$(scripts/go-tool actionlint)

tf-check: node_modules/.installed ## Checks deploy/terraform against a provider that makes up Google's answers; needs terraform or tofu. IMAGES=FILE: with these images
	@deploy/terraform/check $(IMAGES)

images: ## Builds an image for each service and prints their sizes; needs Docker. HEIMDEX_VERSION says which version
	@deploy/docker/build

cluster-up: ## Starts deploy/compose: the platform with MongoDB, MinIO and NATS in containers; needs Docker
	@cd deploy/compose && docker compose up --detach --wait

cluster-down: ## Stops it and removes its containers; what it holds stays
	@cd deploy/compose && docker compose --profile observability rm --stop --force --volumes && docker compose --profile observability down

cluster-logs: ## Follows what its containers log, from the last 100 lines of each
	@cd deploy/compose && docker compose logs --follow --tail 100

cluster-smoke: setup ## Starts deploy/compose with images that are built, and finds a moment in a film; needs Docker. HEIMDEX_VERSION says which images
	@$(NODE) --test tests/cluster/smoke.compose.ts

cluster-rotation: setup ## Changes every secret of deploy/compose while jobs run, and looks that none fails; needs Docker and images that are built
	@$(NODE) --test tests/cluster/rotation.compose.ts

release-dry-run: setup ## Builds all images, tests them, pushes them to a registry started here and writes release/images.json; needs Docker and Go
	@scripts/release/dry-run

verify: lint breaking types stale test ## Everything CI runs, but for test-languages

bench: setup ## Measures, and prints what docs/reference/performance.md holds
	@$(NODE) benchmarks/src/main.ts

bench-cluster: setup ## Measures the cluster beside the embedded profile; needs Docker and make images
	@$(NODE) benchmarks/src/main.ts cluster-steps cluster-services

clean: ## Removes what was installed and made here (not the models)
	rm -rf node_modules packages/*/node_modules services/*/node_modules apps/*/node_modules .heimdex-demo
