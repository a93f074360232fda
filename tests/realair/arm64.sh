#!/usr/bin/env bash
# The workspace as it is built for a 64-bit Raspberry Pi: its unit tests under emulation, and a short flight over
# simulated radios in an arm64 guest. `make test-arm64` calls this.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/realair/lib.sh
. tests/realair/guest.sh
. tests/realair/cross.sh
. tests/realair/boot.sh

[[ $(uname -m) == x86_64 ]] || skip 'The cross compiler is one for x86-64 machines.'
need_debian_packages
make_once "$cache/cross" make_cross
make_once "$cache/arm64" make_arm64_guest
. "$cache/cross/env.sh"
# An emulated machine tries fewer of the random inputs.
export PROPTEST_CASES=16

# The receiver's window is left out: it would take SDL and all it needs for arm64.
receiver=(--package skylark-rx --no-default-features --features program)
cargo test --locked --package skylark-common --package skylark-tx --lib --bins
cargo test --locked "${receiver[@]}" --lib --bins
cargo build --locked --package skylark-tx --package skylark-setup --bins
cargo build --locked "${receiver[@]}" --bins
# Emulated programs have no netlink, therefore what asks the kernel is tested in the guest too.
mapfile -t setup < <(test_programs --package skylark-setup --lib --bins)
program=$(test_programs --package skylark-tests --test realair)
run_in_guest aarch64 "$cache/arm64" "${program%/deps/*}" "${setup[@]/%/ --quiet}" "$program ${*:-link:: setup::}"
