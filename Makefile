# Needs git, make and a Rust toolchain (rustup); everything else is fetched by `make setup` when it is missing.
# ARGS are handed on: make demo ARGS=--no-serve

SHELL := /bin/bash
# rustup puts cargo here; a shell opened before it was installed does not know.
export PATH := $(HOME)/.cargo/bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench setup

help: ## show this
	@printf 'smarketing: closed-loop marketing attribution\n\n'
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## build, generate a history, run everything on this machine and show the results
	@scripts/setup demo
	cargo run --release --bin smarketing -- demo $(ARGS)

test: ## format, lints and every test
	@scripts/setup test
	@scripts/test $(ARGS)

lint: ## format and lints only
	@scripts/setup build
	@scripts/lint

bench: ## every benchmark, each with its figures
	@scripts/setup demo
	cargo bench --workspace --bench '*' $(ARGS)

setup: ## install what building, running and testing need and is missing
	@scripts/setup test
