# `make demo` runs the main job, `make test` the tests; both find or make libtorch first.
.PHONY: libtorch build demo test check

libtorch:
	@python3 tools/fetch-libtorch.py

build: libtorch
	cargo build

test: libtorch
	cargo test --workspace

check: libtorch
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	$(MAKE) test
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
