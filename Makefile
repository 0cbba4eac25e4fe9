# Everything happens in .venv; each target does its own set-up.
PYTHON ?= python3
BIN := .venv/bin
export OMP_NUM_THREADS ?= 2
export OPENBLAS_NUM_THREADS ?= 2

.PHONY: install demo test lint bench notebooks clean

install: .venv/installed

.venv/installed: pyproject.toml requirements.lock
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade "pip>=24"
	$(BIN)/python -m pip install --quiet --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@

demo: install
	$(BIN)/fenqun demo --out runs/demo

test: install
	$(BIN)/python -m pytest -n 2 --dist loadfile -q

lint: install
	$(BIN)/ruff format --check src tests benchmarks docs notebooks
	$(BIN)/ruff check src tests benchmarks docs notebooks
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: install
	$(BIN)/python benchmarks/lists.py $(FLAGS)
	$(BIN)/python benchmarks/lift.py $(FLAGS)
	$(BIN)/python benchmarks/cold_start.py $(FLAGS)
	$(BIN)/python benchmarks/probes.py $(FLAGS)
	$(BIN)/python benchmarks/taste.py
	$(BIN)/python benchmarks/pooling.py
	$(BIN)/python benchmarks/text_encoders.py $(FLAGS)
	$(BIN)/python benchmarks/media.py
	$(BIN)/python benchmarks/language.py $(FLAGS)
	$(BIN)/python benchmarks/representation.py $(FLAGS)
	$(BIN)/python benchmarks/order.py $(FLAGS)
	$(BIN)/python benchmarks/objectives.py
	$(BIN)/python benchmarks/finetuning.py
	$(BIN)/python benchmarks/next_item.py $(FLAGS)
	$(BIN)/python benchmarks/speed.py $(FLAGS)
	$(BIN)/python benchmarks/planted.py $(FLAGS)
	$(BIN)/python benchmarks/stability.py $(FLAGS)
	$(BIN)/python benchmarks/identity.py $(FLAGS)
	$(BIN)/python benchmarks/tiers.py
	$(BIN)/python benchmarks/off_policy.py $(FLAGS)
	$(BIN)/python benchmarks/outer_search.py $(FLAGS)
	$(BIN)/python benchmarks/algorithms.py $(FLAGS)
	$(BIN)/python benchmarks/selection.py $(FLAGS)
	$(BIN)/python benchmarks/datasets.py

clean:
	rm -rf .venv .cache runs
