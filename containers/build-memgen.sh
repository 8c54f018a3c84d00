#!/bin/sh
# Builds the image of memgen: build-memgen.sh MEMGEN
# Its labels say which memgen is in it; leaklab runs it only beside the very same one.
set -eu

[ $# -eq 1 ] || {
	echo "usage: $0 MEMGEN" >&2
	exit 2
}
memgen=$1
here=$(dirname "$0")
# As root in a folder of its own, which nobody else could have put there.
work=$(mktemp -d "${TMPDIR:-/var/tmp}/leaklab-image-XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT
trap 'exit 130' HUP INT TERM
cp "$memgen" "$work/memgen"
version=$("$work/memgen" --version)
sha256=$(sha256sum <"$work/memgen")
podman build --quiet --layers=false --network=none --file "$here/Containerfile.memgen" \
	--label "leaklab.memgen.version=$version" --label "leaklab.memgen.sha256=${sha256%% *}" \
	--tag localhost/leaklab-memgen:latest "$work" >/dev/null
