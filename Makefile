# Two commands set everything up: `make demo` runs the main job on a made-up archive and leaves
# demo/*.png; `make test` runs the tests. Both find or make libtorch first. `make check` is what
# the project's own check (.ci/run) runs.
.PHONY: libtorch build demo test check lint doc readme notebook

PYTHON ?= python3

libtorch:
	@$(PYTHON) tools/fetch-libtorch.py

build: libtorch
	cargo build

demo: build
	tools/demo.sh

test: libtorch
	$(PYTHON) -m unittest discover -s tests/setup
	cargo test --workspace

lint: libtorch
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

doc: libtorch
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# The commands that README.md shows, each run.
readme: build
	$(PYTHON) tools/run-readme-commands.py

# The notebooks, executed from top to bottom.
notebook: build
	$(PYTHON) tools/run-notebook.py notebooks/*.ipynb

check:
	$(MAKE) lint
	$(MAKE) test
	$(MAKE) doc
	$(MAKE) readme
	$(MAKE) demo
	$(MAKE) notebook
