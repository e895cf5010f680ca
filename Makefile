# `make lab` and `make test` do all the set-up on a fresh machine with Python 3.11 or newer.
PYTHON ?= python3
BIN := .venv/bin
PYTEST := $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder --durations 10
# of what is exhaustive a twelfth, another each day; CI takes a sixth, and ends in 45 minutes
export GENLAB_PART ?= $(shell expr `date +%j` % 12)/12

.PHONY: lab test test-all quick more check bench clean

lab: .venv/ready
	$(BIN)/genlab

# what a newcomer runs, at most 12 minutes on two cores
test: .venv/ready
	$(MAKE) -j 2 check quick

# all of it, and what takes longer: trainings, browser tests, each bench in its quick form
test-all: .venv/ready
	$(MAKE) test GENLAB_PART=0/1
	$(MAKE) more GENLAB_PART=0/1

# long files first, so that at the end no core waits for the other
quick: .venv/ready
	$(PYTEST) tests/contract tests/runs tests/pages tests/laws engine

more: .venv/ready
	$(PYTEST) tests/trainings tests/bench tests/browser

check: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/ready
	for file in tests/bench/bench_*.py; do $(BIN)/python -m tests.bench.$$(basename $$file .py) || exit 1; done

.venv/ready: pyproject.toml
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("genlab needs Python 3.11 or newer: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --no-compile -e '.[dev]' # what is used is compiled when it is
	touch $@

clean:
	rm -rf .venv
