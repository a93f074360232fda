# Makes what builds for 64-bit Raspberry Pis on this machine and runs the result: Debian's Rust with the standard
# libraries of both architectures, a cross compiler, an arm64 tree to link with, an emulator. To be sourced.

# FOLDER/env.sh makes `cargo build`, `test` and `run` mean aarch64.
make_cross() {
    local folder=$1 lists=$1/lists std llvm
    mkdir "$folder/bin"
    package_lists "$lists" 'trixie trixie-backports' 'amd64 arm64'
    std=$(first_need "$lists" libstd-rust-dev 'libstd-rust-[0-9.]+')
    llvm=$(first_need "$lists" "$std" 'libllvm[0-9]+')
    unpack_with_needs "$lists" "$folder/rust" "$std" "$llvm"
    unpack_only "$lists" "$folder/rust" rustc libstd-rust-dev libstd-rust-dev:arm64
    package_lists "$lists" 'bookworm' 'amd64 arm64'
    # No C library among them: these programs are started by this machine's.
    unpack_only "$lists" "$folder/gcc" {gcc,g++,cpp}-12-aarch64-linux-gnu binutils-aarch64-linux-gnu \
        gcc-12-aarch64-linux-gnu-base libgcc-12-dev-arm64-cross libstdc++-12-dev-arm64-cross binutils-common \
        libisl23 libmpc3 libmpfr6 libgmp10 libzstd1 zlib1g libctf-nobfd0 libbinutils libjansson4 qemu-user-static
    find "$folder/gcc/usr/bin" -name 'qemu-*' ! -name qemu-aarch64-static -delete
    unpack_with_needs "$lists" "$folder/arm64" \
        libc6-dev:arm64 libgcc-s1:arm64 libstdc++-12-dev:arm64 libpcap0.8-dev:arm64
    wrap_rustc "$folder"
    wrap_gcc "$folder"
    write_env "$folder"
    rm -rf "$lists"
}

# The first package that PACKAGE needs whose name is like PATTERN.
first_need() {
    local lists=$1 package=$2 pattern=$3
    APT_CONFIG="$lists/apt.conf" apt-cache depends "$package" |
        sed -n -E "s/^ *Depends: ($pattern)(:any)?$/\1/p" | head -n 1
}

# Writes FOLDER/bin/NAME, which is COMMAND followed by its own arguments.
wrap() {
    printf '#!/bin/sh\n%s "$@"\n' "$3" > "$1/bin/$2"
    chmod +x "$1/bin/$2"
}

wrap_rustc() {
    local tree=$1/rust
    local loader="$tree/usr/lib64/ld-linux-x86-64.so.2 --library-path $tree/usr/lib/x86_64-linux-gnu"
    wrap "$1" rustc "exec $loader --argv0 $tree/usr/bin/rustc $tree/usr/bin/rustc --sysroot $tree/usr"
}

# The compilers, which find headers and libraries in the arm64 tree, and what else a build calls.
wrap_gcc() {
    local sysroot=$1/arm64 libraries=$1/arm64/usr/lib/aarch64-linux-gnu
    local program="LD_LIBRARY_PATH=$1/gcc/usr/lib/x86_64-linux-gnu exec $1/gcc/usr/bin/aarch64-linux-gnu"
    wrap "$1" gcc "$program-gcc-12 --sysroot=$sysroot -B$libraries -L$libraries -Wl,-rpath-link,$libraries"
    wrap "$1" g++ "$program-g++-12 --sysroot=$sysroot -B$libraries -L$libraries -Wl,-rpath-link,$libraries"
    wrap "$1" ar "$program-ar"
    wrap "$1" run "exec $1/gcc/usr/bin/qemu-aarch64-static -L $sysroot"
}

write_env() {
    local target=aarch64_unknown_linux_gnu pcap
    pcap=$(basename "$(echo "$1"/arm64/usr/lib/aarch64-linux-gnu/libpcap.so.1.*)")
    cat > "$1/env.sh" <<-END
	export RUSTC=$1/bin/rustc CARGO_BUILD_TARGET=aarch64-unknown-linux-gnu
	export CARGO_TARGET_${target^^}_LINKER=$1/bin/gcc CARGO_TARGET_${target^^}_RUNNER=$1/bin/run
	export CC_$target=$1/bin/gcc CXX_$target=$1/bin/g++ AR_$target=$1/bin/ar
	export BINDGEN_EXTRA_CLANG_ARGS_$target='--sysroot=$1/arm64 -I$1/arm64/usr/include/aarch64-linux-gnu'
	export LIBPCAP_LIBDIR=$1/arm64/usr/lib/aarch64-linux-gnu LIBPCAP_VER=${pcap#libpcap.so.}
	END
}
