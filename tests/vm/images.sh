#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Builds the image of the background load once for all machines, as a store that podman reads
# beside its own (additionalimagestores), and prints its folder: images.sh. Emulated CPUs take a
# minute or two for what is a second here. The image of memgen is built on each machine.
set -euo pipefail
# shellcheck source=tests/vm/common.bash
. "$(dirname "$0")/common.bash"

containers=$VM_DIR/../../containers
podman=$(command -v podman)
store=$CACHE/images-$(cat "$0" "$(command -v stress-ng)" "$containers/build-stress-ng.sh" \
	"$containers/Containerfile.stress-ng" | sha256sum | cut -c 1-16)
if [ -d "$store" ]; then
	echo "$store"
	exit 0
fi
mkdir -p "$CACHE"
work=$(mktemp -d "$(realpath "$CACHE")/images.XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT
mkdir "$work/bin"
# Not this host's images: only the new store's.
cat >"$work/bin/podman" <<END
#!/bin/sh
exec "$podman" --root "$work/store" --runroot "$work/run" --tmpdir "$work/tmp" \\
	--storage-driver overlay --cgroup-manager cgroupfs "\$@"
END
chmod +x "$work/bin/podman"
PATH=$work/bin:$PATH TMPDIR=$work "$containers/build-stress-ng.sh" >&2
# Where the kernel needs it, podman leaves its own mount of the store.
! mountpoint --quiet "$work/store/overlay" || umount "$work/store/overlay"
rm -rf "$CACHE/images-"* "$work/store/libpod"
mv "$work/store" "$store"
echo "$store"
