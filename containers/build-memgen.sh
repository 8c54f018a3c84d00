#!/bin/sh
# Builds the image of memgen: build-memgen.sh MEMGEN WORKDIR
# Its labels say which memgen is in it; leaklab runs it only beside the very same one.
set -eu

memgen=$1
work=$2
here=$(dirname "$0")

rm -rf "$work"
mkdir -p "$work"
cp "$memgen" "$work/memgen"
version=$("$work/memgen" --version)
sha256=$(sha256sum <"$work/memgen")
podman build --quiet --layers=false --network=none --file "$here/Containerfile.memgen" \
	--label "leaklab.memgen.version=$version" --label "leaklab.memgen.sha256=${sha256%% *}" \
	--tag localhost/leaklab-memgen:latest "$work" >/dev/null
