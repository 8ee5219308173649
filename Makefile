# make grid    the whole comparison table on the embedded world (installs first if needed)
# make test    the test suite, offline, minutes
# make test-slow  the tests that need clusters, kills or minutes each
# make torture a small grid while 36 faults happen to it, and its table compared with the undisturbed one; many minutes
# make check   format, lint, types, import directions
# make fuzz    the readers of outside files against five minutes of damaged ones (FUZZ_SECONDS=3600 for an hour)
# make bench   the tables of docs/performance.md on this machine (make bench-quick: minutes, nothing is written)
# make bench-check  measures again, and fails where a ratio has fallen by more than 30% on this kind of machine
# make bench-avx2  some of these tables with AVX-512 disabled, as on a processor without it
# make gpu     the tests that need a GPU and its table, with python3 as it is (GPU_PYTHON=...), nothing is installed
PYTHON ?= python3
GPU_PYTHON ?= python3
VENV ?= .venv
FUZZ_SECONDS ?= 300
BIN = $(VENV)/bin
INSTALLED = $(VENV)/installed
TESTED = $(VENV)/installed-for-tests

.PHONY: grid test test-slow torture check format fuzz bench bench-avx2 bench-quick bench-check gpu

grid: $(INSTALLED)
	$(BIN)/python experiments/run_grid.py

test: $(TESTED)
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal -m "not slow"

test-slow: $(VENV)/engines
	$(BIN)/python -m pytest -m slow

fuzz: $(TESTED)
	SEMBRIDGE_FUZZ_SECONDS=$(FUZZ_SECONDS) OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/security/test_fuzzed_*.py

torture: $(TESTED)
	$(BIN)/python -m tests.cluster.torture

check: $(TESTED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy

format: $(TESTED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/benchmarks
	$(BIN)/python -m experiments.benchmarks
	$(BIN)/python -m experiments.benchmarks.growth

bench-avx2: $(VENV)/benchmarks
	$(BIN)/python -m experiments.benchmarks.without_avx512 initialize head encode search

bench-check: $(VENV)/benchmarks
	$(BIN)/python -m experiments.benchmarks --check

bench-quick: $(VENV)/benchmarks
	$(BIN)/python -m experiments.benchmarks --quick
	$(BIN)/python -m experiments.benchmarks.growth --quick

gpu:
	$(GPU_PYTHON) -m experiments.benchmarks.gpu --output gpu.md

$(VENV)/benchmarks: $(TESTED)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[bench]'
	touch $(VENV)/benchmarks

# search engines that run in the process, and the runtime of ONNX
$(VENV)/engines: $(TESTED)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[engines,onnx]'
	touch $(VENV)/engines

$(TESTED): $(INSTALLED) tests/published.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[grid,focus,irds,dev]'
	$(BIN)/python -m pip install --quiet --no-deps --requirement tests/published.txt
	touch $(TESTED)

$(INSTALLED): constraints.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[grid,focus,irds]'
	touch $(INSTALLED)
