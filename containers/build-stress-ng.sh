#!/bin/sh
# Builds an image of the host's stress-ng and its libraries, without network.
set -eu

[ $# -eq 0 ] || {
	echo "usage: $0" >&2
	exit 2
}
here=$(dirname "$0")

program=$(command -v stress-ng) || {
	echo "images: stress-ng is not installed; install it with 'make deps' or" \
		"'apt-get install stress-ng'" >&2
	exit 3
}
# As root in a folder of its own, which nobody else could have put there.
work=$(mktemp -d "${TMPDIR:-/var/tmp}/leaklab-image-XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT
trap 'exit 130' HUP INT TERM
mkdir -p "$work/root/usr/bin"
cp "$program" "$work/root/usr/bin/stress-ng"
# ldd prints "name => /path (address)", and the loader as "/path (address)". Each library keeps its
# path, as the loader looks for it there; links are followed.
ldd "$program" | grep -o '/[^ ]*' | sort -u | while read -r library; do
	mkdir -p "$work/root$(dirname "$library")"
	cp -L "$library" "$work/root$library"
done
podman build --quiet --layers=false --network=none --file "$here/Containerfile.stress-ng" \
	--tag localhost/leaklab-stress-ng:latest "$work" >/dev/null
