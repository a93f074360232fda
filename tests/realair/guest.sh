# Makes the guests: a kernel with simulated radios and cameras, what boots it, what it boots into. To be sourced.

# Kernel modules of a guest; those they need come with them.
modules=(virtio_pci virtio_rng 9pnet_virtio 9p overlay mac80211_hwsim vivid)

# The x86 guest. Its root is that of this machine, so that programs and libraries are there as they are here.
make_x86_guest() {
    local folder=$1
    package_lists "$folder/lists" 'bookworm bookworm-backports' amd64
    unpack_with_needs "$folder/lists" "$folder/tools" \
        qemu-system-x86 busybox-static kmod cpio iproute2 iw v4l-utils wireless-regdb
    kernel_of "$folder" amd64
    # The database's package leaves this to a script that runs when it is installed.
    ln -s regulatory.db-debian "$folder/tools/usr/lib/firmware/regulatory.db"
    make_v4l2loopback "$folder"
    initrd "$folder" "$folder/tools/usr/bin/busybox" v4l2loopback
    rm -rf "$folder"/{lists,build}
}

# The arm64 guest: a small Debian of its own.
make_arm64_guest() {
    local folder=$1
    package_lists "$folder/lists" 'bookworm bookworm-backports' amd64
    unpack_with_needs "$folder/lists" "$folder/tools" qemu-system-arm kmod cpio wireless-regdb
    package_lists "$folder/lists-arm64" 'bookworm bookworm-backports' arm64
    kernel_of "$folder" arm64 "$folder/lists-arm64"
    unpack_with_needs "$folder/lists-arm64" "$folder/root" \
        bash coreutils util-linux iproute2 grep iw libpcap0.8 libgcc-s1 libstdc++6 busybox-static
    mkdir -p "$folder"/root/{proc,sys,dev,run,tmp}
    ln -s bash "$folder/root/usr/bin/sh"
    initrd "$folder" "$folder/root/usr/bin/busybox"
    rm -rf "$folder"/{lists,lists-arm64}
}

# The newest kernel of this architecture, alone: `kernel/`.
kernel_of() {
    local folder=$1 architecture=$2 lists=${3:-$1/lists} image
    image=$(APT_CONFIG="$lists/apt.conf" apt-cache depends "linux-image-$architecture" |
        sed -n 's/^ *Depends: \(linux-image-[0-9][^ ]*\)$/\1/p' | head -n 1)
    unpack_only "$lists" "$folder/kernel" "$image"
    echo "${image#linux-image-}" > "$folder/kernel/version"
}

# The stand-in for a camera that gives H.264; no kernel brings it.
make_v4l2loopback() {
    local folder=$1 build=$1/build version headers
    version=$(< "$folder/kernel/version")
    headers=$build/usr/src/linux-headers-$version
    unpack_only "$folder/lists" "$build" v4l2loopback-dkms \
        "linux-headers-$version" "linux-headers-${version%-*}-common" "linux-kbuild-${version%-*}"
    sed -i "s# /usr/src/# $build/usr/src/#g" "$headers/Makefile"
    # No BTF: pahole, which would make it, is a package more.
    make -C "$headers" M="$(echo "$build"/usr/src/v4l2loopback-*)" PAHOLE=true modules
    mkdir "$folder/kernel/lib/modules/$version/extra"
    cp "$build"/usr/src/v4l2loopback-*/v4l2loopback.ko "$folder/kernel/lib/modules/$version/extra/"
}

# FOLDER/initrd: BUSYBOX, `init`, the modules in the order in which they load, and the regulatory database.
initrd() {
    local folder=$1 busybox=$2 version tree name
    shift 2
    version=$(< "$folder/kernel/version")
    tree=$folder/initrd.d
    mkdir -p "$tree"/{bin,dev,proc,sys,host,tools,fresh,root,modules,lib/firmware}
    cp "$busybox" "$tree/bin/busybox"
    install "$recipes/init" "$tree/init"
    # Debian's own signature of the database is the one Debian's kernels trust.
    for name in regulatory.db regulatory.db.p7s; do
        cp "$folder/tools/usr/lib/firmware/$name-debian" "$tree/lib/firmware/$name"
    done
    tool "$folder/tools" depmod kmod --basedir "$folder/kernel" "$version"
    for name in "${modules[@]}" "$@"; do
        tool "$folder/tools" modprobe kmod --dirname "$folder/kernel" --set-version "$version" --show-depends "$name"
    done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' > "$tree/paths"
    while read -r name; do
        case $name in
            *.xz) xz --decompress --stdout "$name" > "$tree/modules/$(basename "$name" .xz)" ;;
            *) cp "$name" "$tree/modules/" ;;
        esac
        basename "$name" .xz >> "$tree/modules/order"
    done < "$tree/paths"
    (cd "$tree" && find . | tool "$folder/tools" cpio cpio --create --format newc --owner 0:0 --quiet) > "$folder/initrd"
    rm -r "$tree"
}

# Runs PROGRAM of an unpacked tree as NAME, with the libraries of that tree.
tool() {
    local tree=$1 name=$2 program=$3
    shift 3
    local libraries=$tree/usr/lib/x86_64-linux-gnu
    "$tree/usr/lib64/ld-linux-x86-64.so.2" --argv0 "$name" --library-path "$libraries" "$tree/usr/bin/$program" "$@"
}
