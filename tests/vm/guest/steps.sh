#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What is tested on every kernel. Prints TAP on the console; each step's output is in
# $RESULTS/log/STEP.log, the results are in $RESULTS/steps.jsonl, what the machine is in
# $RESULTS/facts.json. Without arguments all steps; steps.sh run STEP is one of them.
set -uo pipefail

LOGS=$RESULTS/log
RUNS=$RESULTS/runs
# WANTED_KERNEL and WANTED_INIT: what the host asked for.
# shellcheck disable=SC1091 # it exists on the machine only
. vm/machine

# name:seconds until it is given up; seconds are of an emulated CPU. Each is a function step_NAME.
# After the first ones come the programs in tests/bpf, bpf_NAME for each.
FIRST_STEPS=(boot:60 doctor:120)
STEPS=(lab-doctor:180 smoke:180 containers:30 burst:300 oom-kill:180)
SYSTEMD_STEPS=(systemd-scope:120)
LAST_STEPS=(nothing-left:60)

has_systemd() { [ -d /run/systemd/system ]; }

# Says one thing about a step's result, for the table.
detail() { printf '%s' "$*" >"$LOGS/$STEP.detail"; }

fails() {
	printf '%s\n' "$*" >&2
	exit 1
}

# The newest run of a scenario.
run_of() {
	local runs=("$RUNS"/*-"$1"-1)
	[ -f "${runs[-1]}/run.json" ] || fails "no run of $1 in $RUNS"
	echo "${runs[-1]}"
}

# Number of arguments of the tracepoint as BPF sees it, from the kernel's BTF; the first argument
# of the type is the tracepoint's own.
rss_stat_arguments() {
	bpftool --json btf dump file /sys/kernel/btf/vmlinux | jq -r '
		(.types | map({key: (.id | tostring), value: .}) | from_entries) as $types |
		[.types[] | select(.name == "btf_trace_rss_stat")][0].type_id | tostring |
		$types[.].type_id | tostring | $types[.].vlen - 1'
}

# facts PLANNED-STEPS
facts() {
	local arguments=null
	arguments=$(rss_stat_arguments) || arguments=null
	jq -n --arg release "$(uname -r)" --arg version "$(uname -v)" \
		--arg cgroups "$(stat -f -c %T /sys/fs/cgroup)" \
		--arg controllers "$(cat /sys/fs/cgroup/cgroup.controllers)" \
		--arg init "$(cat /proc/1/comm)" \
		--arg podman "$(podman --version | awk '{ print $NF }')" \
		--arg crun "$(crun --version | awk 'NR == 1 { print $NF }')" \
		--arg libraries "$(tr '\n' ' ' <"$RESULTS/libraries-brought")" \
		--argjson arguments "$arguments" --argjson planned "$1" \
		'{planned: $planned, release: $release, version: $version, init: $init, podman: $podman, crun: $crun,
		  cgroups: $cgroups, controllers: $controllers, rss_stat_arguments: $arguments,
		  libraries_brought: ($libraries | split(" ") | map(select(. != "")))}'
}

step_boot() {
	[ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ] || fails "cgroups are not v2 alone"
	! grep -q ' cgroup ' /proc/mounts || fails "a v1 hierarchy is mounted"
	grep -qw memory /sys/fs/cgroup/cgroup.controllers || fails "no memory controller"
	case $(uname -r) in
	"$WANTED_KERNEL"[.-]*) ;;
	*) fails "Linux $(uname -r) runs, $WANTED_KERNEL was wanted" ;;
	esac
	if [ "$WANTED_INIT" = systemd ]; then
		has_systemd || fails "systemd does not run"
	fi
	detail "$(uname -r)"
}

step_doctor() {
	memgrowth doctor
	detail "$(memgrowth doctor --json | jq -rs '
		[.[] | select(.check == "tp_btf" or .check == "tp" or .check == "proc") |
			"\(.check) \(.status)"] | join(", ")')"
}

# The images are part of it: leaklab doctor wants them.
step_lab-doctor() {
	time containers/build-memgen.sh bin/memgen /var/tmp/image-memgen
	time containers/build-stress-ng.sh /var/tmp/image-stress-ng
	time leaklab doctor
}

# Runs a scenario and keeps what podman says of its containers while they live.
step_smoke() {
	local pid word

	mkfifo /tmp/smoke-words
	leaklab run smoke --runs "$RUNS" 2>/tmp/smoke-words &
	pid=$!
	while read -r word; do
		printf '%s\n' "$word"
		case $word in *"recording for"*)
			podman ps --no-trunc --filter label=leaklab.run --format '{{.ID}}' |
				xargs podman inspect >"$LOGS/inspect.json"
			;;
		esac
	done </tmp/smoke-words
	wait "$pid"
	latency_of smoke
}

latency_of() {
	detail "$(jq -r '.summary.growing.latency.median_s // empty |
		"growing after \(. * 1000 | round) ms"' "$(run_of "$1")/score.json")"
}

# Each container of the smoke run, as podman described it, in what the lab wrote and in what the
# collector saw.
step_containers() {
	local run
	run=$(run_of smoke)

	jq -n --slurpfile podman "$LOGS/inspect.json" --slurpfile run "$run/run.json" \
		--slurpfile samples "$run/samples.jsonl" -f vm/containers.jq >"$LOGS/containers.json"
	jq . "$LOGS/containers.json"
	detail "$(jq -r '"\([.[] | select(.wrong == [])] | length) of \(length) right"' \
		"$LOGS/containers.json")"
	jq -e 'length == 2 and all(.wrong == [])' "$LOGS/containers.json"
}

step_burst() {
	leaklab run burst --runs "$RUNS"
	latency_of burst
}

# A kill that is expected: who saw it.
step_oom-kill() {
	local run
	leaklab run vm/oom-kill.yaml --runs "$RUNS"
	run=$(run_of oom-kill)
	jq '.workloads[]' "$run/run.json"
	detail "$(jq -r '.workloads[0].oom_evidence | to_entries |
		map("\(.key) \(.value)") | join(", ")' "$run/run.json")"
	jq -e '.workloads | length == 1 and all(.oom_killed and .expected_oom and
		.exit_code == 137 and .oom_evidence.kills >= 1 and .broken == null)' "$run/run.json"
	dmesg | grep -q 'Memory cgroup out of memory: Killed process .*memgen'
}

step_limits() {
	leaklab limits
}

step_oom() {
	leaklab oom
}

# A user's own container under systemd's cgroup manager, which the collector must name.
step_systemd-scope() {
	local id

	id=$(podman run --detach --network=none --memory=128m --memory-swap=128m \
		--name=users-own localhost/leaklab-memgen:latest linear --rate=4MiB/s --duration=20s)
	memgrowth record --duration 10s -o "$LOGS/scope-samples.jsonl" \
		--detections "$LOGS/scope-detections.jsonl"
	podman inspect "$id" >"$LOGS/scope-inspect.json"
	podman rm --force --time=0 "$id"
	grep '"type":"cgroup"' "$LOGS/scope-samples.jsonl" | grep libpod-
	jq -s '[.[] | select(.type == "detection") | {tier, state, cgroup, limit_bytes}]' \
		"$LOGS/scope-detections.jsonl"
	jq -es --arg id "$id" '[.[] | select(.type == "detection" and .state == "raised" and
		.limit_bytes == 134217728 and .limit_cgroup == "/machine.slice/libpod-\($id).scope")] |
		length >= 1' "$LOGS/scope-detections.jsonl"
	detail "machine.slice/libpod-ID.scope, 128 MiB"
}

# What this machine has in the end that it had not when it started.
step_nothing-left() {
	[ -z "$(podman ps --all --quiet)" ] || fails "containers: $(podman ps --all)"
	[ -z "$(find /sys/fs/cgroup -name 'leaklab-*' -o -name 'libpod-*')" ] ||
		fails "cgroups: $(find /sys/fs/cgroup -name 'leaklab-*' -o -name 'libpod-*')"
	[ -z "$(find /run/leaklab -mindepth 1 2>/dev/null)" ] ||
		fails "state: $(find /run/leaklab -mindepth 1)"
	[ -z "$(find /sys/fs/bpf -mindepth 1 -type f)" ] ||
		fails "pinned: $(find /sys/fs/bpf -mindepth 1 -type f)"
	[ -z "$(pgrep -l 'leaklab|memgrowth|memgen|conmon|test_')" ] ||
		fails "processes: $(pgrep -al 'leaklab|memgrowth|memgen|conmon|test_')"
	[ "$(tail -n +2 /proc/swaps | wc -l)" -eq 0 ] || fails "swap: $(cat /proc/swaps)"
	bpftool prog list >"$LOGS/bpf-programs-after"
	! grep -qE 'name (on|handle)_' "$LOGS/bpf-programs-after" ||
		fails "BPF programs: $(cat "$LOGS/bpf-programs-after")"
}

# One step in a process of its own, so that it can be timed out.
run_step() {
	STEP=$1
	case $1 in
	bpf_*) CMOCKA_MESSAGE_OUTPUT=STDOUT "tests/bpf/${1#bpf_}" ;;
	*)
		set -e
		"step_$1"
		;;
	esac
}

console() { printf '%s\n' "$*"; }

# perform N NAME SECONDS
perform() {
	local log=$LOGS/$2.log started=$EPOCHREALTIME code=0 ok=true seconds why=

	timeout --kill-after=10 "$3" "$0" run "$2" >"$log" 2>&1 </dev/null || code=$?
	seconds=$(awk -v a="$started" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')
	case $code in
	0) ;;
	124 | 137) ok=false why="did not end within $3 s" ;;
	*) ok=false why="exit code $code" ;;
	esac
	jq -cn --argjson n "$1" --arg name "$2" --argjson ok "$ok" --argjson seconds "$seconds" \
		--arg why "$why" --arg detail "$(cat "$LOGS/$2.detail" 2>/dev/null)" \
		'{n: $n, name: $name, ok: $ok, seconds: $seconds, why: $why, detail: $detail}' \
		>>"$RESULTS/steps.jsonl"
	if [ "$ok" = true ]; then
		console "ok $1 - $2 ($seconds s)"
	else
		console "not ok $1 - $2 ($seconds s): $why"
		tail -n 12 "$log" | sed 's/^/# /'
		failed=$((failed + 1))
	fi
}

if [ "${1:-}" = run ]; then
	run_step "$2"
	exit
fi

steps=("${FIRST_STEPS[@]}")
for program in tests/bpf/test_*; do
	steps+=("bpf_${program##*/}:300")
done
steps+=("${STEPS[@]}")
[ "$WANTED_INIT" != systemd ] || steps+=("${SYSTEMD_STEPS[@]}")
steps+=("${LAST_STEPS[@]}")

facts "${#steps[@]}" >"$RESULTS/facts.json" 2>"$LOGS/facts.log"
console "1..${#steps[@]}"
failed=0
n=0
for step in "${steps[@]}"; do
	n=$((n + 1))
	perform "$n" "${step%:*}" "${step##*:}"
done
[ "$failed" -eq 0 ]
