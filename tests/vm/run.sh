#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs machines of the kernel matrix: run.sh BUILD NAME... ("all" names every one). Prepares what
# they need first, then runs VM_JOBS at a time, each for at most VM_TIMEOUT seconds. The last line
# counts them. Exit code 0 when none failed, 1 when one did, 2 for wrong usage, 3 when the host is
# broken, 77 when all were skipped.
set -euo pipefail
export BUILD=$1
shift
# shellcheck source=tests/vm/common.bash
. "$(dirname "$0")/common.bash"

jobs=${VM_JOBS:-1}
limit_s=${VM_TIMEOUT:-1200}

[ "${1:-}" != all ] || set -- "${VM_NAMES[@]}"
[ $# -gt 0 ] || vm_describe ""
for name in "$@"; do vm_describe "$name"; done
for value in "$jobs" "$limit_s"; do
	[[ $value =~ ^[1-9][0-9]*$ ]] || die "VM_JOBS and VM_TIMEOUT: \"$value\" is no number from 1 on"
done
[ "$(dpkg --print-architecture)" = amd64 ] || die "the machines are amd64, this host is not"
[ "$(id -u)" -eq 0 ] || die "needs root to build root file systems: use sudo make"
mkdir -p "$CACHE/results"
exec {lock}>"$CACHE/lock"
flock --nonblock "$lock" || die "another test-vm uses $CACHE; wait for its end"

declare -A machine_of=()
failed=0 passed=0 skipped=0

# Machines do not outlive this script.
trap '[ ${#machine_of[@]} -eq 0 ] || kill "${!machine_of[@]}"' EXIT
trap 'exit 130' INT TERM

# Fetches and builds what machine $1 lacks, and says what it needs: sets kernel and rootfs.
prepare() {
	local code=0 log=$CACHE/prepare.log

	vm_describe "$1"
	kernel=$("$VM_DIR/kernel.sh" "$VM_KERNEL" "$VM_SUITE" 2>"$log") || code=$?
	cat "$log" >&2
	[ "$code" -ne "$EXIT_SKIP" ] || write_skip "$1" "$(sed -n 's/^test-vm: SKIP //p' "$log")"
	rm "$log"
	[ "$code" -eq 0 ] || return "$code"
	rootfs=$("$VM_DIR/rootfs.sh" "$VM_ROOTFS")
}

write_skip() {
	rm -rf "${CACHE:?}/results/$1"
	mkdir -p "$CACHE/results/$1"
	jq -n --arg name "$1" --arg why "$2" --arg kernel "$VM_KERNEL" --arg init "$VM_INIT" \
		--arg date "$(date -u +%Y-%m-%dT%H:%M:%SZ)" '{format: "leaklab.vm", version: 1,
			name: $name, kernel: $kernel, init: $init, status: "SKIP", why: $why,
			date: $date, steps: []}' >"$CACHE/results/$1/results.json"
}

# Waits for the end of one machine.
reap() {
	local pid code=0

	wait -n -p pid "${!machine_of[@]}" || code=$?
	unset "machine_of[$pid]"
	case $code in
	0) passed=$((passed + 1)) ;;
	1) failed=$((failed + 1)) ;;
	*) die "a machine could not be run" ;;
	esac
}

declare -A kernel_of=() rootfs_of=()
ready=()
for name in "$@"; do
	code=0
	prepare "$name" || code=$?
	case $code in
	0)
		kernel_of[$name]=$kernel
		rootfs_of[$name]=$rootfs
		ready+=("$name")
		;;
	"$EXIT_SKIP") skipped=$((skipped + 1)) ;;
	*) exit "$code" ;;
	esac
done
"$VM_DIR/payload.sh" "$BUILD" "$CACHE/payload.tar"
for name in "${ready[@]}"; do
	[ "${#machine_of[@]}" -lt "$jobs" ] || reap
	"$VM_DIR/machine.sh" "$name" "${kernel_of[$name]}" "${rootfs_of[$name]}" \
		"$CACHE/payload.tar" "$limit_s" &
	machine_of[$!]=$name
done
while [ ${#machine_of[@]} -gt 0 ]; do reap; done

say "$passed passed, $failed failed, $skipped skipped in $SECONDS s"
[ "$failed" -eq 0 ] || exit 1
[ "$passed" -gt 0 ] || exit "$EXIT_SKIP"
