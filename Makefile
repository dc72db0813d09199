# Each target installs what it needs on a new Debian machine with Rust.
.PHONY: build demo test bench dev setup setup-test
.DEFAULT_GOAL := build

build: setup
	cargo build --release --locked

# make demo ARGS='--photos 48 --exit'
demo: build
	target/release/yinku demo $(ARGS)

# All cargo steps use the same features and crates (`default-members`), so nothing is compiled twice.
FEATURES := --locked --features killpoints

# scripts/setup installs missing tools there.
test: export PATH := $(CURDIR)/target/tools/bin:$(PATH)
test: setup-test
	cargo fmt --all --check
	cargo machete
	cargo deny --locked check bans licenses sources
	cargo clippy $(FEATURES) --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc $(FEATURES) --no-deps
	cargo test $(FEATURES) --doc
	scripts/with-services cargo nextest run $(FEATURES)
	scripts/generated-requests

# Run one part: make bench PARTS=ingest
bench:
	scripts/bench $(PARTS)

dev: setup
	cargo run $(FEATURES) -- serve

setup:
	@scripts/setup build

setup-test:
	@scripts/setup test
