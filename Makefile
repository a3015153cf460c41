# Anxun 安巡 — every command a developer or an office needs; `make help` lists them.
VENV   ?= .venv
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.ready
UV     := $(shell command -v uv)

.DEFAULT_GOAL := help
.PHONY: help run test check bench drill audit lock openapi clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# One stamp: made when the environment holds exactly what the lock says, and left alone after that.
$(STAMP): requirements/dev.txt pyproject.toml
	@echo "setting up $(VENV) ..."
ifdef UV
	@uv venv --quiet --allow-existing --python "$(PYTHON)" $(VENV)
	@uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
else
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
endif
	@touch $@

run: $(STAMP) ## the main job on SQLite with the demo office 新嘉街道, on 127.0.0.1:8000
	@exec $(BIN)/anxun serve --demo

check: $(STAMP) ## ruff, import-linter, pyright strict
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-logo >.venv/lint-imports.txt || { cat .venv/lint-imports.txt; exit 1; }
	@$(BIN)/pyright --warnings

test: check ## the checks, the pure tests with full branch coverage, then everything else
	@$(BIN)/coverage run -m pytest tests/inspections
	@$(BIN)/coverage report
	@$(BIN)/pytest tests --ignore tests/inspections -n 2

bench: $(STAMP) ## the benchmarks, both sides by turns: against the rivals, of the storage, of photos, of the clocks, of notices, the feed, access, hostile company, the loop, alerts and statistics (see benchmarks/README.md)
	@bash benchmarks/run.sh
	@$(BIN)/python -m benchmarks.storage
	@$(BIN)/python -m benchmarks.photos
	@$(BIN)/python -m benchmarks.clocks
	@$(BIN)/python -m benchmarks.notices
	@$(BIN)/python -m benchmarks.feed
	@$(BIN)/python -m benchmarks.access
	@$(BIN)/python -m benchmarks.hostile
	@$(BIN)/python -m benchmarks.loop
	@$(BIN)/python -m benchmarks.alerts
	@$(BIN)/python -m benchmarks.counts

drill: $(STAMP) ## the long drills: kill -9 under load, many mutations
	@$(BIN)/pytest tests -n 2 -m drill

lock: ## compile requirements/*.txt with hashes from pyproject.toml (needs uv)
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --upgrade --extra postgres --extra s3 --extra heic --extra notify --extra mqtt pyproject.toml -o requirements/run.txt
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --upgrade pyproject.toml --group dev -o requirements/dev.txt
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --upgrade --group bench -o requirements/bench.txt
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --upgrade --group build -o requirements/build.txt

audit: ## known holes in what requirements/run.txt names (asks the public advisory database)
	@$(PYTHON) -m venv .venv-audit
	@.venv-audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit
	@.venv-audit/bin/pip-audit --disable-pip --require-hashes --requirement requirements/run.txt

openapi: $(STAMP) ## write the golden OpenAPI file anew
	@$(BIN)/anxun openapi > tests/api/openapi.json

clean: ## remove the environment (data stays)
	rm -rf $(VENV) .venv-audit
