#!/bin/sh
# Makes an uploaded artifact what this host runs. Arguments: app, digest, folder of the app, the package's script, how
# many releases this host keeps.
# Facts go to stdout as one line of JSON; all that is printed on the way goes to stderr. POSIX sh.
set -eu
app=$1 digest=$2 dir=$3 script=$4 keep=$5
switched=false previous=null before= ran=none removed=0 draft= link=

finish() {
    code=$?
    [ -z "$draft" ] || rm -rf "$draft"
    [ -z "$link" ] || rm -f "$link"
    printf '{"digest": "%s", "previous": %s, "switched": %s, "script": "%s", "removed": %s}\n' \
        "$digest" "$previous" "$switched" "$ran" "$removed"
    exit "$code"
}
trap finish EXIT

sum() {
    if command -v sha256sum >/dev/null 2>&1; then
        sha256sum <"$1"
    elif command -v shasum >/dev/null 2>&1; then
        shasum -a 256 <"$1"
    else
        echo "neither sha256sum nor shasum is on this host" >&2
        exit 3
    fi
}

# mv must not move the link into the folder that `current` names: GNU says -T, BSD says -h.
replace() {
    mv -Tf "$1" "$2" 2>/dev/null || mv -hf "$1" "$2" 2>/dev/null || { rm -f "$2" && mv -f "$1" "$2"; }
}

is_digest() {
    case $1 in
    *[!0-9a-f]*) return 1 ;;
    esac
    [ "${#1}" -eq 64 ]
}

is_old() {
    [ -n "$(find "$1" -prune -mtime +0 2>/dev/null)" ]
}

# Removes all but the releases that were installed last; those whose installation failed go first. The running one and
# the one before it stay whatever the count, and so does everything that has not a release's name. What interrupted acts
# left goes after a day.
sweep() {
    cd "$dir" || return 1
    stuck=0
    for it in $(ls -1t releases/*/DIGEST | tail -n "+$((keep + 1))"); do
        it=${it#releases/}
        it=${it%/DIGEST}
        if is_digest "$it" && [ "$it" != "$digest" ] && [ "$it" != "$before" ]; then
            rm -rf "releases/$it" "artifacts/$it.tar.gz" && removed=$((removed + 1)) || stuck=1
        fi
    done
    for it in artifacts/*.tar.gz; do
        name=${it#artifacts/}
        name=${name%.tar.gz}
        if is_digest "$name" && [ ! -e "releases/$name" ] && is_old "$it"; then
            rm -f "$it" || stuck=1
        fi
    done
    for it in releases/.draft-* artifacts/.draft-*; do
        if is_old "$it"; then
            rm -rf "$it" || stuck=1
        fi
    done
    return $stuck
}

cd "$dir"
dir=$(pwd)
release=$dir/releases/$digest

if [ "$(cat "$release/DIGEST" 2>/dev/null || :)" != "$digest" ]; then
    archive=artifacts/$digest.tar.gz
    if [ ! -f "$archive" ]; then
        echo "$dir/$archive is not there: upload it first" >&2
        exit 5
    fi
    found=$(sum "$archive")
    if [ "${found%% *}" != "$digest" ]; then
        echo "$dir/$archive has digest ${found%% *}" >&2
        exit 4
    fi
    draft=$dir/releases/.draft-$digest-$$
    mkdir -p "$draft"
    tar -xzf "$archive" -C "$draft" >&2
    printf '%s\n' "$digest" >"$draft/DIGEST"
    # What an interrupted installation or a hand left under this name is not this release.
    rm -rf "$release"
    mv "$draft" "$release"
    draft=
fi

if [ -f current/DIGEST ]; then
    before=$(cat current/DIGEST)
    case $before in
    *[!0-9a-f]* | '') ;;
    *) previous="\"$before\"" ;;
    esac
fi
link=$dir/.current-$$
ln -s "releases/$digest" "$link"
replace "$link" current
link=
switched=true
# The time of this file says when the release was last installed well: not yet.
touch -t 197001020000 "$release/DIGEST"

cd "$release"
if [ ! -e "$script" ]; then
    ran=missing
    echo "the package has no $script; nothing was run after the switch" >&2
elif [ ! -x "$script" ]; then
    ran=unexecutable
    echo "$script is not executable: chmod +x it in the repository" >&2
    exit 6
else
    ran=failed
    "./$script" "$app" "$digest" >&2
    ran=succeeded
fi
touch "$release/DIGEST"
# An installation that went well is not undone by leftovers that cannot be removed.
sweep || echo "old releases in $dir could not all be removed" >&2
