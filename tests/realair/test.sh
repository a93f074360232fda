#!/usr/bin/env bash
# The real programs on a real 802.11 stack: boots a guest that has simulated radios and cameras, and runs main.rs
# of this folder in it. `make test-realair` calls this. An argument chooses the tests whose names contain it.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/realair/lib.sh
. tests/realair/guest.sh
. tests/realair/boot.sh

[[ $(uname -m) == x86_64 ]] || skip 'This guest needs an x86-64 machine.'
need_debian_packages
make_once "$cache/x86" make_x86_guest
cargo build --workspace --bins --locked
run_in_guest x86_64 "$cache/x86" "${1:-}"
