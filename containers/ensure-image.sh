#!/bin/sh
# Runs a build command unless the image is there and was built from the files as they are now:
# ensure-image.sh IMAGE STAMP "FILE..." COMMAND...
set -eu

image=$1
stamp=$2
files=$3
shift 3

if [ "$(id -u)" -ne 0 ]; then
	echo "images: not root; the lab's containers are root's: use 'sudo make images'" >&2
	exit 3
fi
if ! command -v podman >/dev/null; then
	echo "images: podman is not installed; install it with 'make deps' or" \
		"'apt-get install podman'" >&2
	exit 3
fi
# The image's id is part of the stamp: another build of the same name does not pass for ours.
# shellcheck disable=SC2086 # a list of files
sources=$(cat $files 2>/dev/null | sha256sum)
built=$(podman image inspect --format '{{.Id}}' "$image" 2>/dev/null || true)
if [ -n "$built" ] && [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$sources $built" ]; then
	exit 0
fi
printf '  %-8s %s\n' IMAGE "$image"
"$@"
mkdir -p "$(dirname "$stamp")"
# The image that had the name before would stay without one. While a container uses it, it must.
if [ -n "$built" ] && [ "$built" != "$(podman image inspect --format '{{.Id}}' "$image")" ] &&
	! podman rmi "$built" >/dev/null 2>&1; then
	echo "images: the former $image is in use and stays, without a name" >&2
fi
echo "$sources $(podman image inspect --format '{{.Id}}' "$image")" >"$stamp"
