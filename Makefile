# make help says what there is.
PYTHON ?= python3.11
BIN := .venv/bin
ARGS ?= model=cvae data=fashion_mnist

.PHONY: help install train test test-slow check bench docs clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

install: .venv/installed  ## create .venv and install the package with what its tests need

.venv/installed: pyproject.toml
	test -x $(BIN)/python || $$(command -v $(PYTHON) || command -v python3) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

train: install  ## the main job; other experiments: make train ARGS="model=vae data=mnist"
	$(BIN)/python train.py $(ARGS)

test: install  ## the default tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile $(filter-out model=% data=%,$(ARGS))

test-slow: install  ## the tests marked slow: kills, signals, processes and launchers; some need SLURM, and say so
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile -m slow -rs

check: install  ## format, lint, types and layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: install  ## training speed against a hand-written loop, evaluation speed against image by image
	$(BIN)/python tests/benchmarks/training_speed.py
	$(BIN)/python tests/benchmarks/evaluation_speed.py

docs: .venv/installed-docs  ## build the documentation into site/, which opens from disk
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

.venv/installed-docs: .venv/installed
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	touch $@

clean:  ## remove the environment and caches; runs and data stay
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache
