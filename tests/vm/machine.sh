#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Boots one machine of the kernel matrix in QEMU, lets it run the steps, and brings out what it
# wrote: machine.sh NAME KERNEL-DIR ROOTFS PAYLOAD SECONDS, into $CACHE/results/NAME: results.json,
# console.log, and from the machine log/, runs/, dmesg.log. Exit code 0 after a pass, else 1.
set -euo pipefail
# shellcheck source=tests/vm/common.bash
. "$(dirname "$0")/common.bash"

name=$1
kernel=$2
rootfs=$3
payload=$4
limit_s=$5
vm_describe "$name"
work=$CACHE/results/$name
started=$SECONDS
qemu=

trap '[ -z "$qemu" ] || kill "$qemu"' EXIT
trap 'exit 130' INT TERM

make_initrd() {
	local root=$work/initrd init=/opt/leaklab/vm/init

	[ "$VM_INIT" = steps ] || init=/sbin/init
	mkdir -p "$root/bin"
	cp "$(command -v busybox)" "$root/bin/busybox"
	cp -r "$kernel/modules" "$BUILD/tests/vm/debug_exit" "$root"
	cp "$VM_DIR/guest/initrd-init" "$root/init"
	chmod +x "$root/init"
	echo "$init" >"$root/init-path"
	printf 'WANTED_KERNEL=%s\nWANTED_INIT=%s\n' "$VM_KERNEL" "$VM_INIT" >"$root/machine"
	(cd "$root" && find . -print0 | cpio --quiet --null --create --format=newc) >"$root.cpio"
	rm -rf "$root"
}

# The console: all of it into the log, the steps onto the terminal.
show() {
	sed -u -n -e 's/\r$//' -e "w $work/console.log" \
		-e "s/^\(ok \|not ok \|# \|1\.\.\)/$name: &/p"
}

# Sets code: QEMU's exit code, 124 or 137 when the time was over.
# Both CPUs in one thread: with two, one of them now and then runs into a breakpoint that the other
# has just patched away, and the kernel panics (a fault of QEMU, seen at boot with 7.2). A fifth level
# of page tables, and mitigations of faults that an emulated CPU does not have, only cost time.
boot() {
	local drive=if=virtio,format=raw,cache=unsafe

	timeout --kill-after=10 "$limit_s" \
		qemu-system-x86_64 -accel tcg,thread=single -M q35 -cpu max,-la57 -smp 2 -m 2G \
		-display none -no-reboot -nodefaults -serial stdio \
		-kernel "$kernel/vmlinuz" -initrd "$work/initrd.cpio" \
		-append "console=ttyS0 panic=-1 oops=panic mitigations=off quiet" \
		-drive "file=$rootfs,snapshot=on,$drive" \
		-drive "file=$payload,readonly=on,$drive" \
		-drive "file=$work/results.tar,$drive" \
		-device isa-debug-exit,iobase=0xf4,iosize=0x04 \
		</dev/null > >(show >&2) 2>&1 &
	qemu=$!
	code=0
	wait "$qemu" || code=$?
	qemu=
}

# What the exit code says of the machine; nothing when it may have passed.
why_failed() {
	case $1 in
	33) ;;
	35) echo "a step failed, or the machine did not come up" ;;
	0) echo "the kernel panicked, or the machine stopped before its end" ;;
	124 | 137) echo "not finished after $limit_s s" ;;
	*) echo "QEMU ended with $1" ;;
	esac
}

rm -rf "$work"
mkdir -p "$work"
truncate --size=256M "$work/results.tar"
make_initrd
boot
why=$(why_failed "$code")
tar -x --no-same-owner -f "$work/results.tar" -C "$work" ||
	why=${why:-what it wrote is no whole tar}
rm -f "$work/results.tar" "$work/initrd.cpio"
if [ -z "$why" ] && [ "$(cat "$work/finished")" != 0 ]; then
	why="its exit code says that it passed, its results do not"
fi
# A machine that did not come that far has none of these.
touch "$work/steps.jsonl" "$work/facts.json"
smoke=$(find "$work" -path '*/runs/*-smoke-1/run.json')
header=$(head -n 1 "${smoke%run.json}samples.jsonl" 2>/dev/null) || header=null
jq -n --arg name "$name" --arg why "$why" --arg kernel "$VM_KERNEL" --arg init "$VM_INIT" \
	--arg rootfs "$VM_ROOTFS" --arg package "$(cat "$kernel/package")" \
	--arg revision "$(git -C "$VM_DIR" describe --always --dirty --tags)" \
	--arg date "$(date -u +%Y-%m-%dT%H:%M:%SZ)" --argjson seconds $((SECONDS - started)) \
	--argjson qemu_exit "$code" --slurpfile facts "$work/facts.json" \
	--slurpfile steps "$work/steps.jsonl" --slurpfile smoke "${smoke:-/dev/null}" \
	--argjson header "$header" -f "$VM_DIR/result.jq" >"$work/results.new"
mv "$work/results.new" "$work/results.json"
say "$name: $(jq -r '"\(.status) in \(.seconds) s" + if .why == "" then "" else ": " + .why end' \
	"$work/results.json")"
jq -e '.status == "PASS"' "$work/results.json" >/dev/null
