# The two commands are `make book` and `make test`; both set up .venv on first use.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
GIVEN = $(if $(PROFILE),-p profile $(PROFILE))
PORT ?= 8000

.PHONY: help setup book test check lint bench why serve twins record lock clean

help:  ## show this help
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY)  ## create .venv with pinned versions (done on first use)

$(READY): pyproject.toml requirements.lock
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[book,dask,dev,egemaps,encoders]'
	# apart: beside a CPU build of torch its wheel does not import, and would take transformers down with it
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock --no-deps --upgrade \
	    --target $(VENV)/torchvision torchvision
	@touch $@

book: $(READY)  ## execute the pages that changed and build the HTML (PROFILE=paper: at full widths and epochs)
	$(BIN)/blemore book $(GIVEN)

test: $(READY)  ## run all tests, a file on each core at a time
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile

check: $(READY)  ## hold every claim of the ledger against the paper
	$(BIN)/blemore check

lint: $(READY)  ## ruff, mypy and the order of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)  ## time grid search, aggregation, stacked folds and training against plain ones, extraction and reading
	$(BIN)/python -m benchmarks.grid_search
	$(BIN)/python -m benchmarks.aggregation || echo "aggregation: a speed bar is missed, see above"
	$(BIN)/python -m benchmarks.reading
	$(BIN)/python -m benchmarks.stacks --repeats 1
	$(BIN)/python -m benchmarks.training --repeats 1 || echo "training: a speed bar is missed, see above"
	$(BIN)/python -m benchmarks.extraction --quick || echo "extraction: a bar is missed, see above"

why: $(READY)  ## name what has changed since each page was last executed
	@$(BIN)/blemore why $(GIVEN)

serve: $(READY)  ## show the built book at a local address (PORT=8000)
	$(BIN)/python -m http.server $(PORT) --bind 127.0.0.1 --directory build/site/_build/html

twins: $(READY)  ## write the .ipynb twins of notebooks/*.py
	$(BIN)/blemore twins

record: $(READY)  ## compute the recorded tables anew (METADATA=..., DURATIONS=..., EGEMAPS=..., OPENFACE=...)
	$(BIN)/blemore record $(if $(METADATA),--metadata $(METADATA)) $(if $(DURATIONS),--durations $(DURATIONS)) \
	    $(if $(EGEMAPS),--egemaps $(EGEMAPS)) $(if $(OPENFACE),--openface $(OPENFACE))

lock: $(READY)  ## pin the versions of all dependencies anew
	$(BIN)/pip-compile --quiet --all-extras --strip-extras --no-header --no-annotate --no-emit-index-url \
	    --no-emit-find-links --no-emit-options --output-file requirements.lock pyproject.toml
	sed -i.bak 's/+cpu$$//' requirements.lock && rm requirements.lock.bak

clean:  ## remove what was built (not .venv, not runs/)
	rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
