# make grid    the whole comparison table on the embedded world (installs first if needed)
# make test    the test suite, offline
# make check   format, lint, types, import directions
# make bench   the tables of docs/performance.md on this machine (make bench-quick: minutes, nothing is written)
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
INSTALLED = $(VENV)/installed

.PHONY: grid test check format bench bench-quick

grid: $(INSTALLED)
	$(BIN)/python experiments/run_grid.py

test: $(INSTALLED)
	$(BIN)/python -m pytest

check: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/benchmarks
	$(BIN)/python -m experiments.benchmarks
	$(BIN)/python -m experiments.benchmarks.growth

bench-quick: $(VENV)/benchmarks
	$(BIN)/python -m experiments.benchmarks --quick
	$(BIN)/python -m experiments.benchmarks.growth --quick

$(VENV)/benchmarks: $(INSTALLED)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[bench]'
	touch $(VENV)/benchmarks

$(INSTALLED): constraints.txt pyproject.toml tests/published.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	$(BIN)/python -m pip install --quiet --no-deps --requirement tests/published.txt
	touch $(INSTALLED)
