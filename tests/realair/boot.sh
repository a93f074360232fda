# Boots a guest. To be sourced.

# Builds tests, `cargo test` with these arguments, and prints where they are.
test_programs() {
    cargo test --locked "$@" --no-run --message-format json |
        sed -n 's/.*"executable":"\([^"]*\/deps\/[^"]*\)".*/\1/p'
}

# Runs commands in a guest, one after the other; fails if one of them does.
run_in_guest() {
    local architecture=$1 folder=$2 programs=$3 share status=0
    shift 3
    share=$(mktemp --directory)
    {
        echo 'export SKYLARK_REALAIR_GUEST=1 status=0'
        # What is read from this machine while a test runs would take time it does not have.
        echo "cat '$programs'/skylark-* > /dev/null"
        printf '%s || status=1\n' "$@"
        echo 'exit $status'
    } > "$share/command"
    boot "$architecture" "$folder" "$share" "$programs" || status=$?
    rm -r "$share"
    return "$status"
}

# The longest a run may take, in seconds: three times what it takes on two cores that do nothing else.
readonly limit=400

# Runs SHARE/command in the guest of FOLDER, which sees PROGRAMS; 125 if it did not come to an end.
# What is on the console goes to standard output.
boot() {
    local architecture=$1 folder=$2 share=$3 programs=$4 machine console root=/ status=0
    case $architecture in
        x86_64)
            machine=(-machine q35 -cpu max)
            console=ttyS0
            ;;
        aarch64)
            machine=(-machine virt,gic-version=3 -cpu cortex-a72)
            console=ttyAMA0
            root=$folder/root
            ;;
    esac
    local tools=$folder/tools/usr read_only='security_model=none,multidevs=remap,readonly=on'
    rm -f "$share/status"
    # The guest's time is its own, however busy this machine is: what it computes takes 2 ns an instruction, and while
    # it waits its clock goes to what it waits for. With sleep=on that follows this machine's clock and jumps when QEMU
    # is kept from running: every timer is late at once, and what is late is dropped.
    timeout --foreground --kill-after 5 "$limit" \
        "$tools/lib64/ld-linux-x86-64.so.2" --library-path "$tools/lib/x86_64-linux-gnu" \
        "$tools/bin/qemu-system-$architecture" -L "$tools/share/qemu" -L "$tools/share/seabios" \
        "${machine[@]}" -accel tcg -icount shift=1,sleep=off -m 1024 \
        -nodefaults -no-user-config -no-reboot -display none -monitor none -serial stdio \
        -kernel "$(echo "$folder"/kernel/boot/vmlinuz-*)" -initrd "$folder/initrd" \
        -append "console=$console quiet panic=-1 mitigations=off nokaslr random.trust_cpu=on cryptomgr.notests
            mac80211_hwsim.radios=3 v4l2loopback.devices=1 v4l2loopback.exclusive_caps=1
            realair.source=$PWD realair.programs=$programs" \
        -virtfs "local,path=$root,mount_tag=host,$read_only" \
        -virtfs "local,path=$folder/tools,mount_tag=tools,$read_only" \
        -virtfs "local,path=$PWD,mount_tag=source,$read_only" \
        -virtfs "local,path=$programs,mount_tag=programs,$read_only" \
        -virtfs "local,path=$share,mount_tag=share,security_model=none,multidevs=remap" \
        -device virtio-rng-pci < /dev/null || status=$?
    if [[ ! -s $share/status ]]; then
        echo "FAILED: the guest did not come to an end within $limit s (QEMU: $status)." >&2
        return 125
    fi
    return "$(< "$share/status")"
}
