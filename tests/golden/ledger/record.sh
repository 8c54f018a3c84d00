#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Records the cgroups of tests/golden/ledger.bats but "oom" anew: record.sh BUILD. Needs root, five
# minutes, and a quiet host. Each memgen runs in a cgroup of its own, all at once in one recording,
# of which each gets its part.
set -euo pipefail

here=$(realpath "$(dirname "$0")")
build=$(realpath "$1")
work=$(mktemp -d)
hierarchy=/sys/fs/cgroup/memory
[ ! -e /sys/fs/cgroup/cgroup.controllers ] || hierarchy=/sys/fs/cgroup
names=(cow process dirty lazyfree)

# The limits of cow and process leave two minutes of growth: then the leak tier speaks
# soon. The others run until it would speak of memory that nobody takes back.
declare -A limit_of=([cow]=248M [process]=132M [dirty]=256M [lazyfree]=256M)
declare -A memgen_of=(
	[cow]="--rate=1MiB/s --duration=120s" [process]="--rate=1MiB/s --duration=120s"
	[dirty]="--rate=512KiB/s --duration=260s" [lazyfree]="--rate=512KiB/s --duration=260s"
)

cleanup() {
	for name in "${names[@]}"; do
		[ ! -d "$hierarchy/led-$name" ] || rmdir "$hierarchy/led-$name"
	done
	rm -r "$work"
}
trap cleanup EXIT

limit() {
	local dir=$hierarchy/led-$1 file

	mkdir "$dir"
	if [ -e "$dir/memory.max" ]; then
		echo "${limit_of[$1]}" >"$dir/memory.max"
		echo 0 >"$dir/memory.swap.max"
		return
	fi
	for file in memory.limit_in_bytes memory.memsw.limit_in_bytes; do
		echo "${limit_of[$1]}" >"$dir/$file"
	done
}

start() {
	(
		cd "$work"
		echo "$BASHPID" >"$hierarchy/led-$1/cgroup.procs"
		# shellcheck disable=SC2086 # several options
		exec "$build/memgen" linear --pages="$1" ${memgen_of[$1]}
	) >"$work/$1.truth" &
}

# What the recording tells of one cgroup and its processes.
part() {
	jq -s -r --arg path "/led-$1" '
		(map(select(.type == "cgroup" and .path == $path).cgroup) | unique[0]) as $id |
		(map(select(.type == "process" and .cgroup == $id) | {key: "\(.mm)", value: 1}) |
			from_entries) as $mms |
		to_entries[] | .key as $line | .value | select(
			if .type == "cgroup" then .path == "/" or .cgroup == $id
			elif .type == "memcg" or .type == "cgroup_end" then .cgroup == $id
			elif .type == "process" or .type == "rss" or .type == "exit" then
				$mms["\(.mm)"]
			elif .type == "oom" then .cgroup == $id
			else true end) | $line + 1' "$work/samples.jsonl" >"$work/lines"
	# The lines as they were written.
	awk 'NR == FNR { wanted[$1]; next } FNR in wanted' "$work/lines" "$work/samples.jsonl" \
		>"$here/$1.samples.jsonl"
	"$build/memgrowth" replay "$here/$1.samples.jsonl" | grep -v '"type":"header"' \
		>"$here/$1.detections.jsonl"
}

mkfifo "$work/ready"
"$build/memgrowth" record --ready-fd 7 -o "$work/samples.jsonl" 7>"$work/ready" &
recorder=$!
read -r <"$work/ready"
for name in "${names[@]}"; do limit "$name"; done
pids=()
for name in "${names[@]}"; do
	start "$name"
	pids+=($!)
done
wait "${pids[@]}"
# Long enough for verdicts on what is gone to be withdrawn.
sleep 15
kill -TERM "$recorder"
wait "$recorder"
for name in "${names[@]}"; do part "$name"; done
