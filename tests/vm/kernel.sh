#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Fetches the newest Debian cloud kernel of one series into the cache and prints its folder:
# kernel.sh VERSION SUITE. In the folder: vmlinuz, modules/*.ko, release and package.
# Exit code 77 when the archive has no such kernel.
set -euo pipefail
# shellcheck source=tests/vm/common.bash
. "$(dirname "$0")/common.bash"

series=$1
suite=$2
# What the initrd loads, and what steps need later; what is built in is not found and not missed.
modules=(virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_blk
	overlay)

kernel=$CACHE/kernel-$series-$(key "${modules[@]}" <"$0")
if [ -d "$kernel" ]; then
	echo "$kernel"
	exit 0
fi
mkdir -p "$CACHE"
work=$(mktemp -d "$CACHE/kernel-$series.XXXXXX")
trap 'rm -rf "$work"' EXIT

# An apt of its own: this host's settings, but neither its sources nor its state.
apt=$PWD/$work/apt
[ "${work#/}" = "$work" ] || apt=$work/apt
mkdir -p "$apt/parts" "$apt/state/lists/partial" "$apt/cache/archives/partial"
: >"$apt/status"
echo "deb $(debian_archive "$suite") $suite main" >"$apt/sources.list"
options=(-o Dir::State="$apt/state" -o Dir::State::status="$apt/status" -o Dir::Cache="$apt/cache"
	-o Dir::Etc::SourceList="$apt/sources.list" -o Dir::Etc::SourceParts="$apt/parts"
	-o APT::Sandbox::User=root -o APT::Update::Error-Mode=any)
say "test-vm: looking for Linux $series in $suite"
if ! apt-get "${options[@]}" update >"$work/log" 2>&1; then
	# Only the archive's own word that there is no such suite makes it a skip.
	if grep -q '404 ' "$work/log"; then
		skip "Linux $series: the mirror has no suite $suite"
	fi
	cat "$work/log" >&2
	die "Linux $series: the packages of $suite cannot be listed"
fi
newest=
while read -r name version; do
	if [ -z "$newest" ] || dpkg --compare-versions "$version" gt "$newest_version"; then
		newest=${name#linux-image-}
		newest_version=$version
	fi
done < <(apt-cache "${options[@]}" dumpavail | awk -v series="$series" '
	$1 == "Package:" { name = $2 }
	$1 == "Version:" && index(name, "linux-image-" series) == 1 &&
		substr(name, length("linux-image-" series) + 1) ~ /^[.-][0-9].*-cloud-amd64$/ {
		print name, $2 }')
[ -n "$newest" ] || skip "Linux $series: the mirror has no cloud kernel of it in $suite"

# From 6.19 on the image is a stub beside two packages with what was in it.
packages=("linux-image-$newest=$newest_version")
for part in binary modules; do
	if apt-cache "${options[@]}" show "linux-$part-$newest" >/dev/null 2>&1; then
		packages+=("linux-$part-$newest=$newest_version")
	fi
done
say "test-vm: fetching ${packages[*]}"
mkdir "$work/debs" "$work/tree" "$work/out" "$work/out/modules"
(cd "$work/debs" && apt-get "${options[@]}" download "${packages[@]}") >"$work/log" 2>&1 || {
	cat "$work/log" >&2
	die "Linux $series: the packages cannot be fetched"
}
for deb in "$work"/debs/*.deb; do
	dpkg-deb --extract "$deb" "$work/tree"
done
find "$work/tree" \( -name 'vmlinuz-*' -o -name vmlinuz \) -type f -exec cp {} "$work/out/vmlinuz" \;
[ -s "$work/out/vmlinuz" ] || die "Linux $series: no vmlinuz in ${packages[*]}"
for module in "${modules[@]}"; do
	find "$work/tree" \( -name "$module.ko" -o -name "$module.ko.xz" \) -type f \
		-exec cp {} "$work/out/modules" \;
done
find "$work/out/modules" -name '*.xz' -exec xz --decompress {} +
printf '%s\n' "${modules[@]}" >"$work/out/modules/order"
echo "$newest_version" >"$work/out/package"
# The folder gets its name only when it is whole.
rm -rf "$CACHE/kernel-$series-"*
mv "$work/out" "$kernel"
echo "$kernel"
