# SPDX-License-Identifier: GPL-2.0-or-later
# Shared by the scripts that prepare and run virtual machines: where the cache is, which kernels
# the matrix has, and where this host gets Debian's packages from.
# shellcheck shell=bash
# shellcheck disable=SC2034 # read by the scripts that source this

VM_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CACHE=${BUILD:-build}/vm
EXIT_BROKEN=3
EXIT_SKIP=77

# In the order of the table. A name with "-systemd" boots systemd as a real user's machine does.
VM_NAMES=(5.10 6.1 6.12 6.12-systemd 6.18 7.2)

say() { printf '%s\n' "$*" >&2; }
die() {
	say "test-vm: $*"
	exit "$EXIT_BROKEN"
}
skip() {
	say "test-vm: SKIP $*"
	exit "$EXIT_SKIP"
}

# Checks the name of a machine and sets VM_KERNEL, VM_INIT, VM_SUITE (whose archive has the kernel)
# and VM_ROOTFS (the release that the machine runs).
vm_describe() {
	VM_KERNEL=${1%-systemd}
	VM_INIT=steps
	[ "$VM_KERNEL" = "$1" ] || VM_INIT=systemd
	VM_ROOTFS=trixie
	case $1 in
	5.10) VM_SUITE=bullseye-security VM_ROOTFS=bookworm ;;
	6.1) VM_SUITE=bookworm-security VM_ROOTFS=bookworm ;;
	6.12 | 6.12-systemd) VM_SUITE=trixie-security ;;
	6.18 | 7.2) VM_SUITE=trixie-backports ;;
	*)
		say "test-vm: KERNEL=$1: must be one of ${VM_NAMES[*]}"
		exit 2
		;;
	esac
}

# The archive from which this host itself installs, for any of Debian's suites:
# debian_archive SUITE
debian_archive() {
	local own wanted uri

	# shellcheck disable=SC1091 # the system's
	own=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	wanted=$own
	case $1 in *-security) wanted=$own-security ;; esac
	# shellcheck disable=SC2016 # apt's own variables
	uri=$(apt-get indextargets --format '$(RELEASE) $(ORIGIN) $(REPO_URI)' \
		'Created-By: Packages' | awk -v suite="$wanted" '$1 == suite && $2 == "Debian" {
			print $3; exit }')
	[ -n "$uri" ] || die "apt on this host has no Debian archive with $wanted, so it is not" \
		"known where to get $1 from; add $wanted to its sources and run apt-get update"
	echo "$uri"
}

# Settings by which this host's apt reaches its archive.
apt_proxies() {
	apt-config dump | grep -E '^Acquire::https?::Proxy' || [ $? -eq 1 ]
}

# Whatever decides what is in a cached folder: key WORD... < SCRIPT
key() {
	{ printf '%s\n' "$@" && cat; } | sha256sum | cut -c 1-16
}
