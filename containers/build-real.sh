#!/bin/sh
# Builds the image of the real programs on top of their packages.
set -eu

[ $# -eq 0 ] || {
	echo "usage: $0" >&2
	exit 2
}
here=$(dirname "$0")
# As root in a folder of its own, which nobody else could have put there.
work=$(mktemp -d "${TMPDIR:-/var/tmp}/leaklab-image-XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT
trap 'exit 130' HUP INT TERM
mkdir -p "$work/app"
cp "$here"/real/*.py "$here"/real/*.js "$work/app"
cat "$work/app"/* | sha256sum | cut -c 1-12 >"$work/app/revision"
podman build --quiet --layers=false --network=none --pull=never \
	--file "$here/Containerfile.real" --tag localhost/leaklab-real:latest "$work" >/dev/null
