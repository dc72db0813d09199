# Each target installs what it needs on a new Debian machine with Rust.
.PHONY: build demo test bench dev setup setup-test web
.DEFAULT_GOAL := build

# The pages come first, because the release binary takes them in.
build: setup web
	cargo build --release --locked

# make demo ARGS='--photos 48 --exit'
demo: build
	target/release/yinku demo $(ARGS)

# All cargo steps use the same features and crates (`default-members`), so nothing is compiled twice.
FEATURES := --locked --features killpoints

# scripts/setup installs missing tools there.
test: export PATH := $(CURDIR)/target/tools/bin:$(PATH)
test: setup-test web
	cd web && npm run lint && npm run format && npm run types && npm run api:check && npm test
	cargo fmt --all --check
	cargo machete
	cargo deny --locked check bans licenses sources
	cargo clippy $(FEATURES) --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc $(FEATURES) --no-deps
	cargo test $(FEATURES) --doc
	cargo build $(FEATURES) --bin yinku
	scripts/generated-requests
	scripts/with-services npm --prefix web run browser
	scripts/with-services cargo nextest run $(FEATURES)

# Run one part: make bench PARTS=ingest
bench:
	scripts/bench $(PARTS)

dev: setup web
	cargo run $(FEATURES) -- serve

setup:
	@scripts/setup build

setup-test:
	@scripts/setup test

web: web/node_modules/.package-lock.json
	cd web && npm run build

# Exactly the packages of the lock file. The browser of the tests is Debian's.
web/node_modules/.package-lock.json: web/package.json web/package-lock.json
	cd web && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci
	touch $@
