#!/usr/bin/env bash
# The real programs on a real 802.11 stack: boots a guest that has simulated radios and cameras, and runs main.rs
# of this folder in it. `make test-realair` calls this. Arguments choose tests by parts of their names.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/realair/lib.sh
. tests/realair/guest.sh
. tests/realair/boot.sh

[[ $(uname -m) == x86_64 ]] || skip 'This guest needs an x86-64 machine.'
need_debian_packages
make_once "$cache/x86" make_x86_guest
cargo build --workspace --bins --locked
program=$(test_programs --package skylark-tests --test realair)
in_guest() {
    run_in_guest x86_64 "$cache/x86" "${program%/deps/*}" "$program $*"
}
if [[ $# -gt 0 ]]; then
    in_guest "$@"
    exit
fi
# A guest has one processor, so two of them take half the time.
said=$(mktemp)
in_guest link:: camera:: unplug:: > "$said" 2>&1 &
first=0 second=0
in_guest setup:: faults:: || first=$?
wait $! || second=$?
cat "$said"
rm "$said"
exit $((first > second ? first : second))
