# Skylark's commands. `make` alone lists them.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
.PHONY: help demo test test-realair test-arm64 bench latency fuzz lint docs install uninstall deps toolchain clean

# How long each fuzz target runs.
SECONDS := 30

# Which build the demo shows: release or debug.
BUILD := release

# What the workspace needs to be built on Debian 12 and Raspberry Pi OS Bookworm. nasm: without it openh264
# builds all the same and is two to four times slower.
PACKAGES = build-essential pkg-config libpcap-dev libsdl2-dev libclang-dev nasm

help:
	@cat <<-'END'
	make demo             the link on one desk: test picture, lossy air, two receivers, a window
	make demo HEADLESS=1  the same for 10 s without a window: target/demo/picture.png, summary.json
	make test             all tests
	make test-realair     the programs on a real 802.11 stack, in a guest with simulated radios and cameras
	make test-arm64       the same workspace as a 64-bit Raspberry Pi runs it, emulated
	make bench            what each stage costs
	make latency          how old the picture on the screen is, beside GStreamer, without a screen
	make fuzz SECONDS=30  every fuzz target for so long, or one of them: TARGET=wire
	make lint             formatting and clippy
	make docs             the reference of all crates, in target/doc
	make install          programs that need no root, systemd units: PREFIX=/usr/local, DESTDIR= (docs/RADIOS.md)
	make uninstall        takes them away again
	make deps             installs missing Debian packages; the commands above do so first
	make clean            removes everything built
	END

demo: deps
	@if [ ! -e "$${CARGO_TARGET_DIR:-target}/$(BUILD)/skylark-rx" ]; then
	    echo 'The first build compiles an H.264 codec and a network: about 6 minutes on two desktop cores.'
	fi
	cargo build --profile $(BUILD:debug=dev) --locked --bins
	SKYLARK_BUILD=$(BUILD) tests/demo.sh

# What tests play and encode with: GStreamer and ffmpeg as ground stations and cameras have them.
test: PACKAGES += ffmpeg gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good \
    gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly gstreamer1.0-libav
test: deps
	cargo test --workspace --locked

test-realair: deps
	tests/realair/test.sh

test-arm64: deps
	tests/realair/arm64.sh

bench: deps
	cargo build --release --locked --bins
	cargo bench --package skylark-tests --bench '*' --locked --no-fail-fast

# Xvfb to look at, GStreamer to be compared with.
latency: PACKAGES += xvfb gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good \
    gstreamer1.0-plugins-ugly gstreamer1.0-libav gstreamer1.0-x
latency: deps
	cargo build --release --locked --bins
	cargo bench --package skylark-tests --bench latency --locked

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
	for package in skylark-common skylark-tx skylark-rx skylark-setup; do
	    cargo clippy -p $$package --no-default-features --all-targets --locked -- -D warnings
	done
	# A receiver that carries no network library.
	cargo clippy -p skylark-rx --no-default-features --features program --all-targets --locked -- -D warnings

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

# Where `make install` puts things. /etc/skylark is read by the units.
PREFIX := /usr/local
UNITS := $(PREFIX)/lib/systemd/system
DOCS := $(PREFIX)/share/doc/skylark
ETC := /etc/skylark
PROGRAMS := skylark-tx skylark-rx skylark-setup
# To capture and inject; to set up a card that was plugged in again; to run the moment a frame is there. skylark-setup
# has none: what it changes concerns the whole machine, and takes root.
CAPABILITIES := cap_net_raw,cap_net_admin,cap_sys_nice+ep

install:
	@built="$${CARGO_TARGET_DIR:-target}/release"
	for program in $(PROGRAMS); do
	    if [ ! -x "$$built/$$program" ]; then
	        echo "$$built/$$program is not there: run \`cargo build --release --locked --bins\` first, without root" >&2
	        exit 1
	    fi
	    install -D --mode=755 "$$built/$$program" "$(DESTDIR)$(PREFIX)/bin/$$program"
	done
	install -D --mode=644 --target-directory="$(DESTDIR)$(DOCS)" README.md docs/RADIOS.md docs/RELAYS.md
	for unit in radio-setup/packaging/systemd/*; do
	    install -D --mode=644 "$$unit" "$(DESTDIR)$(UNITS)/$${unit##*/}"
	    sed -i 's|@BINDIR@|$(PREFIX)/bin|; s|@DOCDIR@|$(DOCS)|; s|@ETCDIR@|$(ETC)|' "$(DESTDIR)$(UNITS)/$${unit##*/}"
	done
	for settings in radio-setup/packaging/etc/*; do
	    # What somebody has set stays.
	    [ -e "$(DESTDIR)$(ETC)/$${settings##*/}" ] ||
	        install -D --mode=644 "$$settings" "$(DESTDIR)$(ETC)/$${settings##*/}"
	done
	setcap="setcap $(CAPABILITIES) $(PREFIX)/bin/skylark-tx $(CAPABILITIES) $(PREFIX)/bin/skylark-rx"
	if [ -n "$(DESTDIR)" ]; then
	    echo "Staged in $(DESTDIR). To be run where it is unpacked: $$setcap"
	elif [ "$$(id -u)" = 0 ] && PATH="$$PATH:/usr/sbin:/sbin" $$setcap; then
	    echo 'Installed. skylark-tx and skylark-rx need no root; skylark-setup up does.'
	else
	    echo "Installed, but skylark-tx and skylark-rx take root until this has been run as root: $$setcap" >&2
	fi
	if [ -z "$(DESTDIR)" ] && [ -n "$(SYSTEMD)" ]; then systemctl daemon-reload; fi

# Not empty where systemd runs.
SYSTEMD := $(wildcard /run/systemd/system)

uninstall:
	@if [ -z "$(DESTDIR)" ] && [ -n "$(SYSTEMD)" ]; then
	    for unit in skylark-tx.service skylark-rx.service skylark-relay.service skylark-card@.service; do
	        [ -e "$(UNITS)/$$unit" ] || continue
	        systemctl stop "$${unit/@./@*.}"
	        systemctl disable "$$unit"
	    done
	fi
	if [ -z "$(DESTDIR)" ] && [ -x "$(PREFIX)/bin/skylark-setup" ] && ! "$(PREFIX)/bin/skylark-setup" down; then
	    echo 'Cards are not given back, see above: nothing was removed.' >&2
	    exit 1
	fi
	rm -f $(PROGRAMS:%="$(DESTDIR)$(PREFIX)/bin/%")
	for unit in radio-setup/packaging/systemd/*; do rm -f "$(DESTDIR)$(UNITS)/$${unit##*/}"; done
	rm -f $(addprefix "$(DESTDIR)$(DOCS)"/,README.md RADIOS.md RELAYS.md)
	[ ! -d "$(DESTDIR)$(DOCS)" ] || rmdir --ignore-fail-on-non-empty "$(DESTDIR)$(DOCS)"
	if [ -z "$(DESTDIR)" ] && [ -n "$(SYSTEMD)" ]; then systemctl daemon-reload; fi
	[ ! -d "$(DESTDIR)$(ETC)" ] || echo 'Left alone: $(DESTDIR)$(ETC) with the settings, and the key if it is there.'

clean:
	cargo clean
	rm -rf tests/fuzz/target tests/fuzz/corpus tests/fuzz/artifacts
