# Vigie: `make` lists what there is. Needs Python 3.11 or later with venv, nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2# processes of `make test`; the first of them has the browser
export PIP_DISABLE_PIP_VERSION_CHECK = 1
CATALOGUES := $(wildcard translations/*/LC_MESSAGES/messages.po)
COMPILED := $(CATALOGUES:.po=.mo)
CODE := $(wildcard *.py alerts analysis api callbacks collectors components config desk jobs live metrics pages security serving storage bench tools)

.DEFAULT_GOAL := help
.PHONY: help install run test test-unit lint bench assets schemas screenshot clean system-packages

help: ## List the commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(firstword $(MAKEFILE_LIST)) | awk -F'|' '{printf "%-20s %s\n", $$1, $$2}'

install: $(VENV)/.installed $(COMPILED) ## Create .venv with the pinned packages, compile the translations

run: install ## Start Vigie (options: make run ARGS="--demo --port 8060")
	@exec $(BIN)/python app.py $(ARGS)

test: $(VENV)/.dev $(COMPILED) system-packages ## Run all tests, in a browser and with real stores too
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadscope --no-loadscope-reorder $(ARGS)

test-unit: $(VENV)/.dev $(COMPILED) ## Run the fast tests: all but those of the real server in a browser
	$(BIN)/python -m pytest -m "not e2e and not slow" --ignore=tests/e2e $(ARGS)

lint: $(VENV)/.dev ## Check style, types and who imports whom
	$(BIN)/ruff check .
	$(BIN)/mypy $(CODE)
	PYTHONPATH=. $(BIN)/lint-imports --no-cache

bench: $(VENV)/.dev $(COMPILED) ## Measure speed, memory and first load, beside peers where they are installed
	$(BIN)/python -m bench $(ARGS)

assets: $(VENV)/.installed ## Build the small plotly.js bundle (optional, needs npm)
	@sh tools/assets.sh

schemas: $(VENV)/.dev ## Write config/schemas/ from the model of the configuration
	$(BIN)/python -m tools.schemas

screenshot: $(VENV)/.dev $(COMPILED) ## Take the pictures in docs/img from the demo (needs Chromium)
	$(BIN)/python -m tools.screenshot
	$(BIN)/python -m tools.screenshot docs/img/models.png /models

clean: ## Remove what make built; your data stays
	rm -rf $(VENV) .build node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis $(COMPILED)
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

system-packages:
	@sh tools/system-packages.sh

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Vigie needs Python 3.11 or later; name one with: make $(or $(MAKECMDGOALS),install) PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ rm -rf $(VENV); echo "Python's venv module is missing; on Debian: apt-get install python3-venv" >&2; exit 1; }

$(VENV)/.installed: requirements.txt | $(BIN)/python
	@echo "Installing the packages Vigie needs into $(VENV)" >&2
	@$(BIN)/python -m pip install --quiet -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.installed
	@echo "Installing what tests need into $(VENV)" >&2
	@$(BIN)/python -m pip install --quiet -r requirements-dev.txt
	@touch $@

%.mo: %.po $(VENV)/.installed
	@$(BIN)/pybabel --quiet compile --input-file=$< --output-file=$@
