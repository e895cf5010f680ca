# `make lab` and `make test` do all the set-up on a fresh machine with Python 3.11 or newer.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: lab test units check bench clean

lab: .venv/ready
	$(BIN)/genlab

test: .venv/ready
	$(MAKE) -j 2 check units
	# two browsers and their labs at a time; what two busy cores were too slow for is tried once more, alone
	$(BIN)/pytest -n 2 --dist loadfile tests/browser || $(BIN)/pytest --last-failed --last-failed-no-failures none tests/browser

units: .venv/ready
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder --ignore tests/browser $(PYTEST)

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
