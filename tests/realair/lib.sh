# What the scripts of this folder share: where things are kept, private lists of packages, skipping loudly.
# To be sourced.

recipes=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=$(realpath --canonicalize-missing \
    "${SKYLARK_REALAIR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/skylark/realair}")
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# Says that nothing was tested and why; a failure where SKYLARK_REQUIRE_REALAIR=1 asks for the tests.
skip() {
    if [[ ${SKYLARK_REQUIRE_REALAIR:-} == 1 ]]; then
        echo "FAILED: $1 (SKYLARK_REQUIRE_REALAIR=1 forbids to skip)" >&2
        exit 1
    fi
    printf '%s\n' '' '=== SKIPPED: NOTHING WAS TESTED ON A REAL 802.11 STACK ===' "$1" '' >&2
    exit 0
}

# Skips where packages of Debian cannot be had.
need_debian_packages() {
    local program
    for program in apt-get dpkg-deb; do
        command -v "$program" > /dev/null || skip "No $program here: the guest is made from Debian's packages."
    done
    [[ -e $keyring ]] || skip "No $keyring: install debian-archive-keyring."
}

# Makes FOLDER by calling `make_it FOLDER` unless it is there and was made by the same recipe.
# The lines it prints go to FOLDER.log, which is shown if it fails.
make_once() {
    local folder=$1 recipe
    shift
    recipe=$(cd "$recipes" && cat lib.sh guest.sh cross.sh init | sha256sum)
    [[ $(cat "$folder/made-by" 2> /dev/null) != "$recipe" ]] || return 0
    local start=$SECONDS
    echo "Making $folder (once)." >&2
    rm -rf "$folder"
    mkdir -p "$folder"
    # A shell of its own: after `||` or `if`, `set -e` would mean nothing within the function.
    local status=0
    (set -e; "$@" "$folder") > "$folder.log" 2>&1 &
    wait $! || status=$?
    if [[ $status -ne 0 ]]; then
        tail -n 30 "$folder.log" >&2
        if grep -q -E 'Could not resolve|Could not connect|Unable to connect|Failed to fetch' "$folder.log"; then
            skip "Debian's packages could not be fetched; the whole story is in $folder.log."
        fi
        echo "FAILED: $folder could not be made; the whole story is in $folder.log." >&2
        exit 1
    fi
    echo "$recipe" > "$folder/made-by"
    echo "Made in $((SECONDS - start)) s, $(du -s -m "$folder" | cut -f 1) MB." >&2
}

# The mirror this machine uses, or Debian's own.
mirror() {
    local uri
    uri=$(cat /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2> /dev/null |
        grep -E '^(URIs:|deb )' | grep -o -E '(https?|mirror\+file|file):/[^ ]*/debian/?( |$)' | head -n 1) || true
    echo "${uri:-http://deb.debian.org/debian}"
}

# Lists of packages of their own in FOLDER, for these RELEASES (of which the last goes first) and ARCHITECTURES
# (the first is the main one). Nothing that is installed here counts, so that what is fetched is complete.
# `apt FOLDER …` uses them.
package_lists() {
    local folder=$1 releases=$2 architectures=$3 release
    mkdir -p "$folder"/{parts,state/lists/partial,cache/archives/partial,log}
    touch "$folder/status"
    for release in $releases; do
        echo "deb [signed-by=$keyring] $(mirror) $release main"
    done > "$folder/sources.list"
    cat > "$folder/apt.conf" <<-END
	Dir "/";
	Dir::Etc::sourcelist "$folder/sources.list";
	Dir::Etc::sourceparts "$folder/parts/";
	Dir::Etc::parts "$folder/parts/";
	Dir::Etc::main "$folder/parts/none";
	Dir::Etc::preferences "$folder/parts/none";
	Dir::Etc::preferencesparts "$folder/parts/";
	Dir::State "$folder/state/";
	Dir::State::status "$folder/status";
	Dir::Cache "$folder/cache/";
	Dir::Log "$folder/log/";
	APT::Architecture "${architectures%% *}";
	APT::Architectures { $(printf '"%s"; ' $architectures) };
	APT::Default-Release "${releases##* }";
	APT::Install-Recommends "false";
	APT::Sandbox::User "";
	APT::Update::Error-Mode "any";
	Acquire::Languages "none";
	Acquire::Retries "3";
	END
    apt "$folder" update
}

apt() {
    local folder=$1
    shift
    APT_CONFIG="$folder/apt.conf" apt-get --quiet --yes "$@"
}

# Unpacks PACKAGES and everything they need into ROOT.
unpack_with_needs() {
    local lists=$1 root=$2
    shift 2
    apt "$lists" install --download-only "$@"
    unpack "$root" "$lists"/cache/archives/*.deb
    rm -f "$lists"/cache/archives/*.deb
}

# Unpacks only these PACKAGES into ROOT.
unpack_only() {
    local lists=$1 root=$2 fetched
    shift 2
    fetched=$(mktemp --directory "$lists/fetched.XXXX")
    (cd "$fetched" && apt "$lists" download "$@")
    unpack "$root" "$fetched"/*.deb
    rm -r "$fetched"
}

# Folders that merged into /usr long ago are links, so that packages of either kind meet.
unpack() {
    local root=$1 package folder
    shift
    mkdir -p "$root"/usr/{bin,sbin,lib,lib64}
    for folder in bin sbin lib lib64; do
        [[ -L $root/$folder ]] || ln -s "usr/$folder" "$root/$folder"
    done
    for package; do
        dpkg-deb --fsys-tarfile "$package" | tar --extract --directory "$root" --keep-directory-symlink --no-same-owner
    done
}
