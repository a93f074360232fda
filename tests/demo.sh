#!/usr/bin/env bash
# The link on one desk: skylark-tx sends a test picture through skylark-air, which loses packets on the way
# to two receivers' cards, and skylark-rx merges, repairs and shows it. `make demo` builds and calls this.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly bin=${CARGO_TARGET_DIR:-target}/${SKYLARK_BUILD:-release}
readonly out=target/demo
readonly duration=10s

main() {
    mkdir -p "$out"
    rm -f "$out"/*
    "$bin/skylark-setup" key new "$out/link.key" 2> /dev/null
    port=$(free_ports)
    trap stop_all EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    if [[ ${HEADLESS:-} == 1 || -z ${DISPLAY:-}${WAYLAND_DISPLAY:-} ]]; then
        headless
    else
        window
    fi
}

# Shows the picture in a window, and the air in this terminal. When one program ends, all end.
window() {
    local keyboard=/dev/null
    [[ -t 0 && -t 1 ]] && keyboard=/dev/tty
    echo "Close the window or press q or Ctrl-C to end. What the programs say is in $out/."
    receiver --output window --stats "json:$out/rx.json" &
    local rx=$!
    transmitter &
    air < "$keyboard" &
    local ended status=0
    wait -n -p ended || status=$?
    stop_all
    if [[ $status -ne 0 && $ended == "$rx" ]] && grep -q 'no window:' "$out/rx.log"; then
        grep 'no window:' "$out/rx.log" >&2
        headless
        return
    fi
    if [[ $status -ne 0 ]]; then
        cat "$out"/*.log >&2
    elif [[ $ended == "$rx" ]]; then
        echo 'The window was closed.'
    fi
    return "$status"
}

# Runs for some seconds, and fails if no picture arrived.
headless() {
    echo "No window: running for $duration, without one."
    receiver --output "png:$out/picture.png" --stats "json:$out/rx.json" --duration "$duration" &
    local rx=$!
    transmitter &
    air < /dev/null > "$out/air.log" 2>&1 &
    local status=0
    wait "$rx" || status=$?
    stop_all
    if [[ $status -ne 0 || ! -s $out/picture.png ]] ||
        ! "$bin/demo-summary" "$out/tx.json" "$out/rx.json" > "$out/summary.json"; then
        echo "No picture arrived. What the programs said:" >&2
        tail -n 20 "$out"/*.log >&2
        exit 1
    fi
    cat "$out/summary.json"
    echo "The last picture is in $out/picture.png, the line above in $out/summary.json."
}

transmitter() {
    exec "$bin/skylark-tx" --input test --air "udp:127.0.0.1:$port" --key "$out/link.key" \
        --stats "json:$out/tx.json" 2> "$out/tx.log"
}

air() {
    exec "$bin/skylark-air" --listen "127.0.0.1:$port" \
        --to "127.0.0.1:$((port + 1)),loss=random:10%" --to "127.0.0.1:$((port + 2)),loss=burst:10%,5"
}

receiver() {
    exec "$bin/skylark-rx" --air "udp:127.0.0.1:$((port + 1))" --air "udp:127.0.0.1:$((port + 2))" \
        --key "$out/link.key" "$@" 2> "$out/rx.log"
}

# Ends the programs that still run, and waits until they have gone.
stop_all() {
    local running
    running=$(jobs -p)
    # shellcheck disable=SC2086
    [[ -z $running ]] || kill -TERM $running 2> /dev/null || true
    wait || true
}

# The first of three UDP ports in a row that nobody has.
free_ports() {
    local taken first
    taken=$(awk 'FNR > 1 { split($2, address, ":"); print address[2] }' /proc/net/udp /proc/net/udp6 2> /dev/null)
    for first in 5800 {15800..15990..10}; do
        if ! grep -q -i -E "$(printf '%04x|%04x|%04x' "$first" $((first + 1)) $((first + 2)))" <<< "$taken"; then
            echo "$first"
            return
        fi
    done
    echo 'No three free UDP ports in a row from 5800 on.' >&2
    return 1
}

main
