# Receives an artifact: folder, digest; the bytes come on stdin. POSIX sh.
set -eu
folder=$1/artifacts digest=$2

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

mkdir -p "$folder"
draft=$folder/.draft-$digest-$$
trap 'rm -f "$draft"' EXIT
cat >"$draft"
found=$(sum "$draft")
if [ "${found%% *}" != "$digest" ]; then
    echo "the bytes arrived with digest ${found%% *}" >&2
    exit 4
fi
mv -f "$draft" "$folder/$digest.tar.gz"
