# Everything a developer runs. Needs only GNU make, Python >= 3.11 and pip; `make` alone lists the targets.
#
# The virtual environment is made once. A stamp file says what is installed in it, and a larger set stamps the
# smaller ones too, so that `make demo` after `make test` installs nothing.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

# What `make demo` simulates: a short run that ends with a report to open.
DEMO = run quang-ninh --alternatives paper,signed --set period.measure='4 weeks' --replications 5

# The constraints hold for the packages and, through the environment, for the isolated build of congvan itself:
# older pips read PIP_CONSTRAINT there, newer ones PIP_BUILD_CONSTRAINT. The paths are relative because pip
# splits these variables at spaces.
PIP_INSTALL = PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt \
              $(BIN)/python -m pip install --quiet -c constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK = 1

INPUTS := $(VENV)/pyvenv.cfg pyproject.toml constraints.txt

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# Two installations into one environment at a time would spoil it, so -j is ignored here.
.NOTPARALLEL:
.PHONY: help demo test check bench soak clean distclean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.installed-demo ## simulate a small case and write its report (run-time packages only)
	$(BIN)/congvan $(DEMO)

# The -m given on a command line comes after the one in pyproject.toml and replaces it.
test: $(VENV)/.installed ## run the tests on two processes, with branch coverage; then those that time something, alone
	$(BIN)/pytest -q -n 2 --dist worksteal -m "not bench and not soak and not quiet" --cov --cov-branch --cov-report=term
	$(BIN)/pytest -q -m "quiet and not bench and not soak"

check: $(VENV)/.installed ## formatting, lint, types, and the import floors
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# No xdist: a benchmark wants the machine to itself.
bench: $(VENV)/.installed-bench ## performance against a named reference, as ratios
	$(BIN)/pytest -m bench tests/bench -s -p no:xdist

soak: $(VENV)/.installed ## the long tests that `make test` leaves out
	$(BIN)/pytest -m soak -s

clean: ## remove caches, builds and results/runs; keep .venv
	rm -rf build dist htmlcov .coverage .coverage.* results/runs
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -path ./$(VENV) -prune -o -path ./.git -prune -o \
	  -type d \( -name __pycache__ -o -name '*.egg-info' \) -prune -exec rm -rf {} +

distclean: clean ## as clean, and remove .venv
	rm -rf $(VENV)

$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo 'congvan needs Python 3.11 or newer, and "$(PYTHON)" is missing or older.' >&2; \
	  echo 'Name another one: make PYTHON=/path/to/python3.11 ...' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed-demo: $(INPUTS)
	$(PIP_INSTALL) -e .
	@touch $@

$(VENV)/.installed: $(INPUTS)
	$(PIP_INSTALL) -e '.[dev]'
	@touch $(VENV)/.installed-demo $@

$(VENV)/.installed-bench: $(INPUTS)
	$(PIP_INSTALL) -e '.[dev,bench]'
	@touch $(VENV)/.installed-demo $(VENV)/.installed $@
