# Everything a person types. `make help` lists it.
# PYTHON names the interpreter that makes the environment (3.11 or newer).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := libs/contracts libs/kit libs/simulator services/registry services/secrets services/router services/metering libs/cli
READY := $(VENV)/.ready
SOURCES := libs services tests deploy

.DEFAULT_GOAL := help
.PHONY: help install up down status test lint format types imports check lock schemas clean

help: ## list what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(READY): requirements.lock $(PACKAGES:%=%/pyproject.toml) deploy/bootstrap.sh
	@sh deploy/bootstrap.sh "$(PYTHON)" "$(VENV)" $(PACKAGES)
	@touch $@

install: $(READY) ## make the environment from requirements.lock

up: $(READY) ## start everything and seed the demo workspace
	@$(BIN)/tollway up

down: $(READY) ## stop what `make up` started; its state stays
	@$(BIN)/tollway down

status: $(READY) ## what runs, and where
	@$(BIN)/tollway status

test: $(READY) ## all tests, with a stack of their own
	@$(BIN)/python -m pytest

format: $(READY) ## rewrite the sources in the house format
	@$(BIN)/ruff format $(SOURCES)
	@$(BIN)/ruff check --fix-only $(SOURCES)

lint: $(READY) ## format, rules, layers, declared dependencies
	@$(BIN)/ruff format --check $(SOURCES)
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/lint-imports --no-cache
	@for p in $(PACKAGES); do echo "deptry $$p"; (cd $$p && $(CURDIR)/$(BIN)/deptry --no-ansi src) || exit 1; done

types: $(READY) ## mypy, strict, over the sources
	@$(BIN)/mypy $(PACKAGES:%=%/src) deploy/docker deploy/write_schemas.py

check: lint types test ## what CI runs

lock: $(READY) ## resolve requirements.lock anew
	@$(BIN)/uv export --quiet --upgrade --all-packages --all-groups --no-emit-workspace --no-header --format requirements-txt -o requirements.lock

schemas: $(READY) ## write down the topics' JSON Schemas
	@$(BIN)/python deploy/write_schemas.py

clean: ## remove the environment (the state in .tollway stays)
	rm -rf $(VENV)
