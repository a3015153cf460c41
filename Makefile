# Anxun 安巡 — every command a developer or an office needs; `make help` lists them.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
UV     := $(shell command -v uv)
RUN    := .venv
DEV    := .venv-dev

.DEFAULT_GOAL := help
.PHONY: help run pages pages-check test pure check bench bench-hot drill audit lock openapi clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# One stamp for each environment: made when it holds exactly what its lock says, and left alone after that.
# $(call set_up,environment,locks)
ifdef UV
define set_up
	@echo "setting up $(1) ..."
	@uv venv --quiet --allow-existing --python "$(PYTHON)" $(1)
	@uv pip install --quiet --python $(1)/bin/python --require-hashes $(addprefix -r ,$(2))
	@uv pip install --quiet --python $(1)/bin/python --no-deps --no-build-isolation -e .
	@touch $(1)/.ready
endef
else
define set_up
	@echo "setting up $(1) ..."
	@$(PYTHON) -m venv $(1)
	@$(1)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes $(addprefix -r ,$(2))
	@$(1)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(1)/.ready
endef
endif

$(RUN)/.ready: requirements/run.txt requirements/build.txt pyproject.toml
	$(call set_up,$(RUN),requirements/run.txt requirements/build.txt)

$(DEV)/.ready: requirements/dev.txt pyproject.toml
	$(call set_up,$(DEV),requirements/dev.txt)

run: $(RUN)/.ready ## the main job on SQLite with the demo office 新嘉街道, on 127.0.0.1:8000
	@sh web/pages.sh build & exec $(RUN)/bin/anxun serve --demo

pages: ## build the pages (Vue) into api/pages/built, where npm is there; wheel and image take them along
	@sh web/pages.sh build

pages-check: $(DEV)/.ready ## ESLint, the type checker and the unit tests of the pages, where npm is there
	@sh web/pages.sh check
	@sh web/pages.sh test

check: $(DEV)/.ready $(DEV)/.document ## ruff, import-linter, pyright strict; ajv, redocly and spectral for the OpenAPI document
	@$(DEV)/bin/ruff check .
	@$(DEV)/bin/ruff format --check .
	@$(DEV)/bin/lint-imports --no-logo >$(DEV)/lint-imports.txt || { cat $(DEV)/lint-imports.txt; exit 1; }
	@$(DEV)/bin/pyright --warnings
	@sh web/pages.sh check

# Checked again when the document, a check or its packages have changed; not stamped where no registry answers.
$(DEV)/.document: $(DEV)/.ready tests/api/openapi.json tests/contract/check_document.mjs tests/contract/package-lock.json
	@$(DEV)/bin/python -m tests.builders.node_packages check_document.mjs ../api/openapi.json && touch $@ || [ $$? -eq 69 ]

pure: $(DEV)/.ready ## the pure tests with full branch coverage
	@$(DEV)/bin/coverage run -m pytest tests/inspections
	@$(DEV)/bin/coverage report

test: $(DEV)/.ready ## the checks beside the pure tests, then everything else on three workers
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target check pure
	@sh web/pages.sh test
	@sh web/pages.sh build
	@$(DEV)/bin/pytest tests --ignore tests/inspections -n 3 --dist worksteal

bench: $(RUN)/.ready $(DEV)/.ready ## the benchmarks, both sides by turns: against the rivals, of the storage, of photos, of the clocks, of notices, the feed, access, hostile company, the loop, alerts and statistics (see benchmarks/README.md)
	@bash benchmarks/run.sh
	@$(DEV)/bin/python -m benchmarks.storage
	@$(DEV)/bin/python -m benchmarks.photos
	@$(DEV)/bin/python -m benchmarks.clocks
	@$(DEV)/bin/python -m benchmarks.growth
	@$(DEV)/bin/python -m benchmarks.notices
	@$(DEV)/bin/python -m benchmarks.feed
	@$(DEV)/bin/python -m benchmarks.access
	@$(DEV)/bin/python -m benchmarks.hostile
	@$(DEV)/bin/python -m benchmarks.loop
	@$(DEV)/bin/python -m benchmarks.alerts
	@$(DEV)/bin/python -m benchmarks.counts

bench-hot: $(DEV)/.ready ## instructions and statements of the hot path beside their budget, three minutes
	@$(DEV)/bin/python -m benchmarks.hot

drill: $(DEV)/.ready ## the long drills: kill -9 under load, many mutations
	@$(DEV)/bin/pytest tests -n 2 -m drill

lock: ## compile requirements/*.txt with hashes from pyproject.toml (needs uv)
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --upgrade --extra postgres --extra s3 --extra heic --extra mqtt pyproject.toml -o requirements/run.txt
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --upgrade pyproject.toml --group dev -o requirements/dev.txt
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --upgrade --group bench -o requirements/bench.txt
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --upgrade --group build -o requirements/build.txt

audit: ## advisories about the packages in requirements/run.txt; exit code 2 where no advisory source answers
	@PYTHON="$(PYTHON)" .ci/audit

openapi: $(RUN)/.ready ## write the golden OpenAPI file anew
	@$(RUN)/bin/anxun openapi > tests/api/openapi.json

clean: ## remove the environment (data stays)
	rm -rf $(RUN) $(DEV) .venv-audit tests/contract/node_modules
