# The only entry point: `make help` lists the targets.

# Outside the clone, so that a fresh clone (CI's, a colleague's) reuses what is already built.
CARGO_TARGET_DIR ?= $(HOME)/.cache/bangban-target
export CARGO_TARGET_DIR

WEB := web-agent
DEPS := $(WEB)/node_modules/.package-lock.json
# The loader is built last, so its presence says that the whole web build went well.
DIST := $(WEB)/dist/bangban.js
# Folders are listed too: their time changes when a file is removed.
WEB_SOURCES := $(shell find $(WEB)/src $(WEB)/public -type f -o -type d 2>/dev/null) \
	$(wildcard $(WEB)/*.html $(WEB)/*.ts $(WEB)/*.json)

.DEFAULT_GOAL := help
.PHONY: run dev release test faults load fmt lint gen web web-deps bench bench-instructions bench-search bot-weights clean help check-tools

run: check-tools web ## build pages and server, start the demo on http://127.0.0.1:8080 (data in ./var)
	cargo build --locked -p bangban-server
	@mkdir -p var
	@# Round the clock, so that the demo answers whenever it is tried.
	BANGBAN__SERVICE__HOURS=$${BANGBAN__SERVICE__HOURS:-always} exec $(CARGO_TARGET_DIR)/debug/bangban serve --demo --history

dev: check-tools web ## the demo server, and the pages from vite on http://localhost:5173, reloaded when edited
	cargo build --locked -p bangban-server
	@mkdir -p var
	@scripts/dev.sh

release: check-tools web ## build pages and the server that has them inside; prints the path of the binary
	cargo build --locked --release -p bangban-server
	@echo $(CARGO_TARGET_DIR)/release/bangban

test: ## everything CI runs; ends with "N passed, N failed"
	@scripts/test.sh

FAULTS ?= 1000
SEED ?= 1
DATABASE ?= sqlite

faults: check-tools web ## FAULTS=1000 SEED=1 DATABASE=sqlite|postgres: faults while clients talk, then every promise is read back
	cargo build --locked -p bangban-server
	cargo run --locked -p bangban-tests --bin bangban-faults -- --faults $(FAULTS) --seed $(SEED) --database $(DATABASE)

load: check-tools web ## the load program's standard set against a release build that it starts itself; prints a table
	cargo build --locked --release -p bangban-server -p bangban-loadtests
	@scripts/load.sh $(CARGO_TARGET_DIR)/release

fmt: web-deps ## format Rust and web sources
	cargo fmt --all
	cd $(WEB) && npm run --silent fmt

lint: web ## formatting, clippy and types, without tests
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cd $(WEB) && npm run --silent fmt:check && npx vue-tsc --noEmit

gen: ## write the TypeScript types of the protocol to web-agent/src/generated
	TS_RS_EXPORT_DIR=$(CURDIR)/web-agent/src/generated cargo test -p bangban-protocol --lib export_bindings

web: $(DIST) ## build the pages and the loader (skipped when nothing changed)

web-deps: $(DEPS)

$(DEPS): $(WEB)/package-lock.json
	cd $(WEB) && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(DIST): $(DEPS) $(WEB_SOURCES)
	@rm -f $@
	cd $(WEB) && npm run --silent build

bench: ## speed of the routing core (criterion), of the desk and of a message's way
	cargo bench -p bangban-domain
	ALLOW_NO_WEB=1 cargo bench -p bangban-server --bench desk --bench message

bench-instructions: ## instructions of a message and of a routing decision (callgrind), for comparing versions
	@scripts/instructions.sh

BOT_CACHE ?= $(HOME)/.cache/bangban-bot

bot-weights: ## make the bot's embedding table and ranker anew (scripts/bot/README.md); minutes to an hour
	cd scripts/bot && python3 homophones.py && python3 weights.py --cache $(BOT_CACHE)
	cargo run --locked --release -p bangban-search --example fit_weights

bench-search: ## the bot's search on 100 000 entries: build, question, change, memory
	cargo bench --locked -p bangban-search

clean: ## remove what was built (keeps ./var)
	cargo clean
	rm -rf $(WEB)/dist $(WEB)/node_modules $(WEB)/test-results

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

check-tools:
	@scripts/check-tools.sh
