#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# How well memgen keeps its schedule: prints the worst deviation of what is held from the pattern
# at any full second after onset, and its own CPU time. Figures for a quiet machine; nothing is
# asserted, because on a busy one they measure the neighbours.
#
# Usage: memgen_schedule.sh [MEMGEN [SECONDS]]
set -eu

memgen=${1:-build/memgen}
seconds=${2:-10}

# What is held s seconds after onset lies on the line between the steps before and after (steps are
# written every 100 ms, growth goes on between them). late_ns of a step is the largest of the ticks
# in it.
measure() {
	pattern=$1
	rate=$2
	bytes_per_s=$3
	"$memgen" "$pattern" --rate="$rate" --start-delay=200ms \
		--duration="$((seconds * 1000 + 200))ms" |
		jq -rs --argjson rate "$bytes_per_s" --argjson seconds "$seconds" \
			--arg name "$pattern $rate" '
			(map(select(.type == "onset"))[0].t_ns) as $t0 |
			[.[] | select(.type == "step")] as $steps |
			[range(1; $seconds) as $s | ($t0 + $s * 1e9) as $t |
				($steps | map(select(.t_ns <= $t)) | last //
					{t_ns: $t0, retained_bytes: 0}) as $before |
				($steps | map(select(.t_ns > $t)) | first) as $after |
				($before.retained_bytes +
					($after.retained_bytes - $before.retained_bytes) *
					($t - $before.t_ns) / ($after.t_ns - $before.t_ns)) /
				($rate * $s) - 1 | fabs * 100] as $off |
			($steps | map(.late_ns) | sort) as $late |
			(map(select(.type == "end"))[0].cpu_ns / ($seconds * 1e9) * 100) as $cpu |
			(map(select(.type == "measured"))[0].shortfall_bytes) as $short |
			"\($name): worst deviation at a full second \($off | max * 1000 | round / 1000) %, " +
			"largest lateness in a step median \($late[($late | length) / 2 | floor] / 1e6) ms max " +
			"\($late | last / 1e6) ms, own CPU \($cpu * 100 | round / 100) %, " +
			"shortfall \($short) bytes"'
}

measure linear 1MiB/s 1048576
measure linear 1MB/s 1000000
measure linear 10MiB/s 10485760
measure linear 64KiB/s 65536
measure linear 4KiB/s 4096
