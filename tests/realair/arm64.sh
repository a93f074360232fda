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
# All with the same features, so that everything is compiled once, and quickly: none of it runs for long. The
# receiver's window is left out: it would take SDL, and all that needs, for arm64.
what=(--config 'profile.dev.package."*".opt-level=1' --config profile.dev.debug=0)
what+=(--no-default-features --features skylark-common/airs,skylark-tx/v4l2,skylark-rx/program,skylark-setup/program)
for package in common tx rx setup tests; do
    what+=(--package "skylark-$package")
done
cargo build --locked "${what[@]}" --bins
mapfile -t built < <(test_programs "${what[@]}" --lib --bins --test realair)

# An emulated machine tries fewer of the random inputs.
export PROPTEST_CASES=16
in_guest=()
for program in "${built[@]}"; do
    name=${program##*/}
    case ${name%-*} in
        # Emulated programs have no netlink, therefore what asks the kernel is tested in the guest.
        skylark_setup) in_guest+=("$program --quiet") ;;
        realair) in_guest+=("$program ${*:-link:: setup::}") ;;
        skylark_common | skylark_tx | skylark_rx)
            folder=${name%-*}
            (cd "${folder#skylark_}" && "$cache/cross/bin/run" "$program" --quiet)
            ;;
    esac
done
run_in_guest aarch64 "$cache/arm64" "${program%/deps/*}" "${in_guest[@]}"
