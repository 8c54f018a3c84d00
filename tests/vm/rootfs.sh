#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Builds the root file system of one Debian release into the cache and prints the path of the
# ext4 image: rootfs.sh SUITE. It holds packages only; programs and tests come as a payload.
set -euo pipefail
# shellcheck source=tests/vm/common.bash
. "$(dirname "$0")/common.bash"

suite=$1
size=1500M
packages=podman,runc,crun,conmon,catatonit,bpftool,jq,kmod,procps,util-linux
packages+=,libbpf1,libcmocka0,libcyaml1,libjansson4,libyaml-0-2
case $suite in
bookworm) packages+=,libcgroup2 ;;
trixie) packages+=,systemd-sysv,dbus ;;
*) die "$suite: no list of packages for this release" ;;
esac

image=$CACHE/rootfs-$suite-$(key "$packages" "$size" <"$0").ext4
if [ -f "$image" ]; then
	echo "$image"
	exit 0
fi
mkdir -p "$CACHE"
work=$(mktemp -d "$CACHE/rootfs-$suite.XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT
# mmdebstrap's apt looks at the folder as another user.
chmod 755 "$work"
apt_proxies >"$work/proxies"
say "test-vm: building the root file system of $suite (about two minutes, once)"
mmdebstrap --quiet --variant=minbase --include="$packages" --aptopt="$work/proxies" \
	--dpkgopt=path-exclude=/usr/share/man/* --dpkgopt=path-exclude=/usr/share/doc/* \
	--dpkgopt=path-exclude=/usr/share/locale/* \
	"$suite" "$work/root" \
	"deb $(debian_archive "$suite") $suite main" \
	"deb $(debian_archive "$suite-security") $suite-security main" >&2
mke2fs -q -t ext4 -O ^has_journal -d "$work/root" "$work/image" "$size"
rm -f "$CACHE/rootfs-$suite-"*.ext4
mv "$work/image" "$image"
echo "$image"
