# Everything happens in .venv; nothing needs to be installed beforehand but Python 3.11+, git and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

.PHONY: run test test-unit test-e2e test-real test-tiers test-hostile check format docs bench screenshots clean

run: $(VENV)/.runtime  ## Open the playground in the browser
	$(BIN)/agentui serve $(ARGS)

test: test-unit test-e2e  ## All tests but the slow suites

test-unit: $(VENV)/.dev
	$(BIN)/python -m pytest tests --ignore tests/real -n 2 --dist loadfile $(ARGS)

test-e2e: $(VENV)/.dev
	CHROMIUM="$$(scripts/find-chromium)" $(BIN)/python -m pytest tests/e2e -n 2 $(ARGS)

test-real: $(VENV)/.real $(VENV)/.servers  ## Against real servers: llama.cpp with a small model, LiteLLM, LLMock
	$(BIN)/python -m pytest tests/real $(ARGS)

test-tiers: $(VENV)/.dev  ## Everything of the sandbox on its other tiers too
	$(BIN)/python -m pytest tests/sandbox -m "tiers and not hostile" -n 2 --dist loadfile $(ARGS)

test-hostile: $(VENV)/.dev  ## Attack snippets inside the sandbox
	$(BIN)/python -m pytest tests/sandbox -m hostile $(ARGS)

check: $(VENV)/.dev  ## Format, lint, types, and that the documents say what the code says
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/cog --check README.md

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/.dev  ## Write the generated parts of the README anew
	$(BIN)/cog -r README.md

bench: $(VENV)/.bench  ## Print the tables of measured speeds
	$(BIN)/python -m benchmarks $(ARGS)

screenshots: $(VENV)/.dev  ## Make the pictures of the README
	CHROMIUM="$$(scripts/find-chromium)" $(BIN)/python scripts/screenshots.py

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "agentui needs Python 3.11 or newer; say which one with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: $(VENV)/bin/python requirements.txt pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

$(VENV)/.real: $(VENV)/.dev requirements-real.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement requirements-real.txt
	@touch $@

$(VENV)/.servers: $(VENV)/bin/python tests/real/requirements.txt
	$(PYTHON) -m venv $(VENV)/servers
	$(VENV)/servers/bin/python -m pip install --quiet --disable-pip-version-check --requirement tests/real/requirements.txt
	@touch $@

$(VENV)/.bench: $(VENV)/.dev requirements-bench.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements-bench.txt
	@touch $@

clean:
	rm -rf $(VENV) build *.egg-info
