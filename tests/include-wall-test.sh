#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Builds a small tree with every kind of edge, and checks that tests/include-wall.sh lets the
# allowed ones through and catches each of the forbidden ones. TAP on stdout.
set -eu

wall=$(cd "$(dirname "$0")" && pwd)/include-wall.sh
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
number=0

put() { # FILE INCLUDE
	mkdir -p "$tree/$(dirname "$1")"
	printf '#include %s\n' "$2" > "$tree/$1"
}

check() { # allowed|forbidden FILE INCLUDE
	number=$((number + 1))
	put "$2" "$3"
	if output=$("$wall" "$tree" 2>&1); then got=allowed; else got=forbidden; fi
	# A wall that fell over is not one that caught something.
	case $output in *"$2:1:"*) ;; *) [ $got = allowed ] || got="an error: $output" ;; esac
	rm "$tree/$2"
	[ "$got" = "$1" ] || printf 'not '
	printf 'ok %d - %s including %s is %s\n' "$number" "$2" "$3" "$1"
	[ "$got" = "$1" ] || printf '# it was %s\n' "$got"
}

echo 1..17
check allowed lib/a.c '"lib/a.h"'
check allowed collector/detect/a.c '"lib/stats.h"'
check allowed collector/capture/a.c '"bpf/rss_events.h"'
check allowed collector/cmd_a.c '"collector/detect/detect.h"'
check allowed lab/runner/a.c '"lab/scenario/a.h"'
check allowed lab/runner/a.c '"collector/cgroup/limits.h"'
check allowed generators/a.c '"gen.h"'
check allowed bpf/a.bpf.c '"vmlinux.h"'
check forbidden lib/a.c '"lab/score/score.h"'
check forbidden lab/score/a.c '"lab/rundir/run_files.h"'
check forbidden lab/score/a.c '<stdio.h>'
check forbidden lab/runner/a.c '"collector/detect/detect.h"'
check forbidden collector/detect/a.c '"lab/scenario/a.h"'
check forbidden collector/detect/a.c '<time.h>'
check forbidden collector/output/a.c '"bpf/memgrowth.skel.h"'
check forbidden generators/a.c '"bpf/rss_events.h"'
check forbidden other/a.c '"lib/log.h"'
