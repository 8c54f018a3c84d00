#!/bin/sh
# Builds the image of the real programs on top of their packages: build-real.sh WORKDIR
set -eu

work=$1
here=$(dirname "$0")

rm -rf "$work"
mkdir -p "$work/app"
cp "$here"/real/*.py "$here"/real/*.js "$work/app"
cat "$work/app"/* | sha256sum | cut -c 1-12 >"$work/app/revision"
podman build --quiet --layers=false --network=none --pull=never \
	--file "$here/Containerfile.real" --tag localhost/leaklab-real:latest "$work" >/dev/null
