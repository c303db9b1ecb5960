# `make` lists its verbs. Everything Python lives in .venv of this checkout; set-up is incremental.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=
RUST_SOURCES := $(shell find crates -name '*.rs' -o -name Cargo.toml) Cargo.toml Cargo.lock

.PHONY: help setup core messages up demo test check format bench fuzz docs lock clean

help: ## List the verbs
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Largesse needs Python 3.11 or newer; name it with make PYTHON=python3.12 …")'
	$(PYTHON) -m venv .venv

# --no-deps: the lock names everything. Without it, pip looks anew for what an extra needs, and refuses a release that is newer than the lock.
.make/deps: requirements.lock | .venv/bin/python
	@mkdir -p .make
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@touch $@

.make/core: $(RUST_SOURCES) pyproject.toml .make/deps
	@command -v cargo >/dev/null || { echo "The tracker's core needs Rust (cargo); install it, for example with rustup, and run make again."; exit 1; }
	VIRTUAL_ENV=$(CURDIR)/.venv $(BIN)/maturin develop --release --skip-install --quiet
	$(BIN)/python -c 'import pathlib, site; pathlib.Path(site.getsitepackages()[0], "largesse.pth").write_text(str(pathlib.Path("src").resolve()) + "\n")'
	@printf '#!%s\nimport sys\n\nfrom largesse.cli.main import main\n\nsys.exit(main())\n' "$(CURDIR)/.venv/bin/python" > $(BIN)/largesse && chmod +x $(BIN)/largesse
	@touch $@

.make/messages: $(shell find src -name '*.po') .make/deps
	@for folder in src/largesse/*/locale; do [ ! -d "$$folder" ] || $(BIN)/pybabel --quiet compile --domain django --directory "$$folder" || exit 1; done
	@touch $@

core: .make/core ## Build the Rust core into .venv (only when its sources changed)
messages: .make/messages ## Compile the translations
setup: .make/core .make/messages ## Set everything up, without running anything

up: setup ## Set up, then run the site on its embedded default (ARGS="--listen 127.0.0.1:8080")
	@exec $(BIN)/largesse up $(ARGS)

demo: setup ## The same with demo content (freely licensed or made up)
	@exec $(BIN)/largesse up --demo --data largesse-demo $(ARGS)

test: setup ## Set up, then pass the tests (ARGS="tests/journal -q")
	cargo test --workspace --quiet
	$(BIN)/python -m pytest --cov --cov-report=term $(ARGS)

check: setup ## Lint, types, layers, templates, migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint --lint src --quiet
	$(BIN)/largesse manage makemigrations --check --dry-run
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --quiet -- -D warnings

format: setup ## Format Python and Rust
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	cargo fmt --all

bench: setup ## Measure speed and memory; prints a table and keeps results under benches/results
	$(BIN)/python -m benches $(ARGS)

fuzz: ## Run every fuzz target (SECONDS_EACH=600; needs cargo-fuzz)
	fuzz/run $(or $(SECONDS_EACH),600)

docs: setup ## Regenerate docs/reference from the program itself
	$(BIN)/largesse reference docs/reference

lock: | .venv/bin/python ## Renew requirements.lock from pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --group dev --python-version 3.11 pyproject.toml -o requirements.lock

clean: ## Remove what set-up made (never your data folder)
	rm -rf .venv .make target src/largesse/_core*.so
