#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs the steps, puts logs and results on the third disk as a tar, and ends the machine with an
# exit code for the host: QEMU's is 33 after a pass, 35 after a failure, 0 after a panic.
set -u
cd /opt/leaklab || exit
export PATH=/opt/leaklab/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export RESULTS=/var/lib/leaklab-results
mkdir -p "$RESULTS/log"

# Images that came with the payload.
mkdir -p /etc/containers
cat >/etc/containers/storage.conf <<'END'
[storage]
driver = "overlay"
runroot = "/run/containers/storage"
graphroot = "/var/lib/containers/storage"
[storage.options]
additionalimagestores = ["/opt/leaklab/images"]
END

# The same programs on every machine: a library that this release has under another name comes
# with them. One that it has under the same name is its own, as for a user's programs.
find bin tests -type f -exec ldd {} + 2>/dev/null | awk '/not found/ { print $1 }' | sort -u |
	while read -r library; do
		cp "lib/$library" /usr/local/lib/ && echo "$library"
	done >"$RESULTS/libraries-brought"
ldconfig

code=1
vm/steps.sh && code=0
dmesg >"$RESULTS/dmesg.log"
# Last: without it the host does not believe the rest.
echo "$code" >"$RESULTS/finished"
tar -c -f /dev/vdc -C "$RESULTS" . && sync
vm/debug_exit "$code"
