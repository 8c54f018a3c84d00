#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Packs what every machine gets, the same for all: payload.sh BUILD OUT.tar. Programs, BPF tests,
# scenarios, the scripts that build images, the image of the background load, and the libraries
# that another release may lack.
set -euo pipefail
# shellcheck source=tests/vm/common.bash
. "$(dirname "$0")/common.bash"

build=$1
out=$2
work=$(mktemp -d "$CACHE/payload.XXXXXX")
trap 'rm -rf "$work"' EXIT
root=$work/opt/leaklab
units=$work/etc/systemd/system

mkdir -p "$root/bin" "$root/tests/bpf" "$root/lib" "$root/vm" "$units/multi-user.target.wants"
cp "$build/leaklab" "$build/memgrowth" "$build/memgen" "$root/bin"
find "$build/tests/bpf" -name 'test_*' -type f -executable -exec cp {} "$root/tests/bpf" \;
cp -r "$VM_DIR/../../scenarios" "$VM_DIR/../../containers" "$root"
cp "$VM_DIR"/guest/* "$root/vm"
cp -r "$("$VM_DIR/images.sh")" "$root/images"
cp "$build/tests/vm/debug_exit" "$root/vm"
chmod +x "$root"/vm/*.sh "$root/vm/init"
cp "$VM_DIR/guest/kernel-matrix.service" "$units"
ln -s ../kernel-matrix.service "$units/multi-user.target.wants/kernel-matrix.service"
# libc is the machine's own. ldd fails over the one program that is static.
{ find "$root/bin" "$root/tests" -type f -exec ldd {} \; 2>&1; } |
	awk '$2 == "=>" && $3 ~ /^\// && $1 !~ /^lib(c|m|pthread)\.so/ { print $3 }' | sort -u |
	xargs cp -L -t "$root/lib"
# Without the folders above: their owners and modes are the machine's.
(cd "$work" && tar -c --owner=0 --group=0 opt/leaklab etc/systemd/system/kernel-matrix.service \
	etc/systemd/system/multi-user.target.wants/kernel-matrix.service) >"$out.new"
mv "$out.new" "$out"
