# `make` lists the commands. Needs Python 3.11 or newer with venv, and make; the rest comes from PyPI into .venv.
PYTHON ?= python3
APT ?= yes
PYTEST_ARGS ?=
TEST_PROCESSES ?= 2

BIN := .venv/bin
STAMP := .venv/installed
DEMO := out/kickoff.mp4
LOCK_TOOLS := build/lock-tools

.DEFAULT_GOAL := help
.PHONY: help demo test check lock clean

help:
	@echo "make demo     render the example meeting to $(DEMO)"
	@echo "make test     run the tests       (APT=no: install no Debian packages; TEST_PROCESSES=2; PYTEST_ARGS=... is handed on)"
	@echo "make check    ruff, mypy --strict, import-linter"
	@echo "make lock     pin what pyproject.toml asks for in requirements.lock   (UPGRADE=1: the newest of each)"
	@echo "make clean    remove .venv, caches and out/"

demo: $(STAMP)
	@scripts/composer-page
	@mkdir -p $(dir $(DEMO))
	@$(BIN)/farm export examples/kickoff/rooms/*/* --output $(DEMO)
	@echo
	@echo "The meeting is in $(CURDIR)/$(DEMO)"
	@echo "Look at it with any player or browser: xdg-open $(DEMO), or open $(DEMO) on macOS."

test: $(STAMP)
	@APT=$(APT) scripts/system-packages
	@scripts/browser-packages
	@scripts/composer-page
	@scripts/helm-engine
	@TEST_PROCESSES=$(TEST_PROCESSES) scripts/run-tests $(PYTEST_ARGS)

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

# All of .venv is what the lock says: it is made anew when the lock or pyproject.toml changes, not patched.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) scripts/python_fits.py
	@echo "Setting up .venv with $$($(PYTHON) --version) from requirements.lock; this takes a minute or two, once."
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@

# Without the options of this machine's pip (index addresses, wheel folders): the lock is the same wherever it is made.
lock:
	@$(PYTHON) scripts/python_fits.py 3.11
	@$(PYTHON) -m venv --clear $(LOCK_TOOLS)
	@$(LOCK_TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check pip-tools
	@$(LOCK_TOOLS)/bin/pip-compile --quiet --no-config $(if $(UPGRADE),--upgrade) \
	  --extra dev --extra bench --all-build-deps --allow-unsafe --strip-extras --annotation-style line \
	  --no-header --no-emit-options --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	  --output-file requirements.lock pyproject.toml
	@{ echo "# Every package in .venv, exact. Made from pyproject.toml by \`make lock\`; not edited by hand."; cat requirements.lock; } \
	  > $(LOCK_TOOLS)/lock && cp $(LOCK_TOOLS)/lock requirements.lock && rm -rf $(LOCK_TOOLS)
	@git --no-pager diff --stat -- requirements.lock

clean:
	rm -rf .venv build out .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
