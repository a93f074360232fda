# Skylark's commands. `make` alone lists them.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
.PHONY: help demo test bench fuzz lint docs deps toolchain clean

# How long each fuzz target runs.
SECONDS := 30

# What the workspace needs to be built on Debian 12 and Raspberry Pi OS Bookworm. nasm: without it openh264
# builds all the same and is two to four times slower.
PACKAGES := build-essential pkg-config libpcap-dev libsdl2-dev libclang-dev nasm

help:
	@cat <<-'END'
	make demo             the link on one desk: test picture, lossy air, two receivers, a window
	make demo HEADLESS=1  the same for 10 s without a window: target/demo/picture.png, summary.json
	make test             all tests
	make bench            what each stage costs
	make fuzz SECONDS=30  every fuzz target for so long, or one of them: TARGET=wire
	make lint             formatting and clippy
	make docs             the reference of all crates, in target/doc
	make deps             installs missing Debian packages; the commands above do so first
	make clean            removes everything built
	END

demo: deps
	@if [ ! -e "$${CARGO_TARGET_DIR:-target}/release/skylark-rx" ]; then
	    echo 'The first build compiles an H.264 codec and takes some minutes: about 3 on two desktop cores.'
	fi
	cargo build --release --locked --bins
	tests/demo.sh

test: deps
	cargo test --workspace --locked

bench: deps
	cargo bench --package skylark-tests --bench '*' --locked

fuzz: deps
	@cd tests/fuzz
	export RUST_BACKTRACE=0
	cargo build --release --locked
	for target in $(or $(TARGET),$$(ls seeds)); do
	    echo "$$target: fuzzing for $(SECONDS) s"
	    mkdir -p "corpus/$$target" "artifacts/$$target"
	    log="artifacts/$$target/log"
	    if cargo run --release --locked --quiet --bin "$$target" -- "corpus/$$target" "seeds/$$target" \
	        -max_total_time=$(SECONDS) -timeout=10 -use_value_profile=1 -print_final_stats=1 \
	        -artifact_prefix="artifacts/$$target/" > "$$log" 2>&1; then
	        sed -n "s/^stat::number_of_executed_units: */$$target: nothing found, inputs tried: /p" "$$log"
	    else
	        tail -n 25 "$$log" >&2
	        exit 1
	    fi
	done

lint: deps
	cargo fmt --all --check
	cargo fmt --manifest-path tests/fuzz/Cargo.toml --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	# The cores, without programs, airs and system libraries.
	for package in skylark-common skylark-tx skylark-rx; do
	    cargo clippy -p $$package --no-default-features --all-targets --locked -- -D warnings
	done

docs: deps
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --locked

deps: toolchain
	@if ! command -v dpkg-query > /dev/null; then
	    echo 'This is no Debian: make sure that a C/C++ compiler, pkg-config, libpcap, SDL2, libclang and nasm are installed.' >&2
	    exit 0
	fi
	missing=
	for package in $(PACKAGES); do
	    status=$$(dpkg-query --show --showformat='$${db:Status-Status}' $$package 2> /dev/null || true)
	    [ "$$status" = installed ] || missing+=" $$package"
	done
	[ -n "$$missing" ] || exit 0
	if [ "$$(id -u)" = 0 ]; then
	    root=
	elif command -v sudo > /dev/null; then
	    root=sudo
	else
	    echo "Missing packages, and neither root nor sudo to install them. As root: apt-get install$$missing" >&2
	    exit 1
	fi
	echo "Installing$$missing"
	apt="$$root env DEBIAN_FRONTEND=noninteractive apt-get"
	if ! $$apt install --yes --no-install-recommends$$missing; then
	    echo 'The lists of packages are missing or old: fetching them.'
	    $$apt update
	    $$apt install --yes --no-install-recommends$$missing
	fi

toolchain:
	@expected=$$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
	if ! command -v cargo > /dev/null; then
	    echo "No Rust found, expected $$expected or later: install it from https://rustup.rs" >&2
	    exit 1
	fi
	found=$$(rustc --version | cut -d ' ' -f 2)
	if ! printf '%s\n' "$$expected" "$$found" | sort --version-sort --check=quiet; then
	    echo "Found Rust $$found, expected $$expected or later: run rustup update (https://rustup.rs)" >&2
	    exit 1
	fi

clean:
	cargo clean
	rm -rf tests/fuzz/target tests/fuzz/corpus tests/fuzz/artifacts
