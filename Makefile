# Tasks for a checkout. Without make:
#   python -m pip install -c constraints.txt -e ".[onnx]"
#   genctl demo

BIN := .venv/bin

.PHONY: help demo test test-all coverage torture fuzz test-gpu lint smoke bench docs clean
.NOTPARALLEL:

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' Makefile

demo: .venv/has-onnx  ## train, sample, evaluate and export a GAN on digits
	@$(BIN)/genctl demo

test: .venv/has-onnx,dev  ## run the tests, within ten minutes on two cores
	@$(BIN)/pytest -q -n 2 --dist worksteal -m "not slow and not gpu"

test-all: .venv/has-onnx,dev  ## run the slow tests too
	@$(BIN)/pytest -q -n 2 --dist worksteal -m "not gpu"

coverage: .venv/has-onnx,dev,coverage  ## check that all tests run at least 90 % of the lines of src/
	@$(BIN)/pytest -q -n 2 --dist worksteal -m "not gpu" --cov --cov-fail-under=90

torture: .venv/has-onnx,dev  ## inject faults at random moments, up to 40 minutes
	@$(BIN)/python tools/torture.py

fuzz: .venv/has-onnx,dev,fuzz  ## fuzz every file reader, ten minutes each
	@$(BIN)/python tools/fuzz.py

test-gpu: .venv/has-onnx,dev  ## run the tests that need a CUDA device
	@$(BIN)/pytest -q -m gpu

lint: .venv/has-onnx,dev  ## check format, lint, types, layers, language of the docs
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/ruff check --quiet
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python tools/lint_docs.py --source

smoke: .venv/has-onnx,dev  ## train, sample, evaluate and export every family, briefly
	@$(BIN)/python tools/smoke.py

bench: .venv/has-onnx,dev,bench  ## run the benchmarks behind the README's numbers
	@for name in startup gan_digits lm diffusion evaluation data; do $(BIN)/python benchmarks/$$name.py || exit; done

docs: .venv/has-docs  ## build the documentation into site/
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

clean:  ## remove builds and caches; .venv/ and runs/ stay
	@rm -rf build dist site .coverage* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache

# One pip call per set of extras, repeated when a dependency or a pin changes.
.venv/has-%: pyproject.toml constraints.txt | .venv/bin/pip
	@echo "installing genctl[$*] into .venv (PyTorch is large: minutes, not seconds)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[$*]"
	@touch $@

.venv/bin/pip:
	@tools/venv.sh
