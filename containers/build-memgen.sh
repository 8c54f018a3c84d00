#!/bin/sh
# Builds the image of memgen: build-memgen.sh MEMGEN WORKDIR
set -eu

memgen=$1
work=$2
here=$(dirname "$0")

rm -rf "$work"
mkdir -p "$work"
cp "$memgen" "$work/memgen"
podman build --quiet --layers=false --network=none --file "$here/Containerfile.memgen" \
	--tag localhost/leaklab-memgen:latest "$work" >/dev/null
