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
# One after the other: burst touches 50 MiB at once and is late when something else runs.
FIRST_STEPS=(boot:60 doctor:120 image:120 smoke:180 containers:30)
# On machines without systemd, after the programs in tests/bpf (bpf_NAME for each).
STEPS=(lab-doctor:180 burst:300 oom-kill:180 limits:600 oom:600)
# On the machine with systemd, whose kernel another one has tested already.
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
# of the type is the tracepoint's own. Lines are "[1] PTR '(anon)' type_id=2".
rss_stat_arguments() {
	bpftool btf dump file /sys/kernel/btf/vmlinux format raw | awk '
		/ TYPEDEF .btf_trace_rss_stat. / { typedef = $NF; sub("type_id=", "[", typedef) }
		/ PTR / { pointer[$1] = $NF }
		/ FUNC_PROTO / { arguments[$1] = $NF }
		END {
			target = pointer[typedef "]"]
			sub("type_id=", "[", target)
			count = arguments[target "]"]
			sub("vlen=", "", count)
			print count == "" ? "null" : count - 1
		}'
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
}

step_image() {
	containers/build-memgen.sh bin/memgen
}

step_lab-doctor() {
	leaklab doctor
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
	detail "$(jq -r '.summary | [
		(.growing.latency.median_s // empty | "growing after \(. * 1000 | round) ms"),
		(.leak.latency.median_s // empty | "leak after \(round) s")] | join(", ")' \
		"$(run_of "$1")/score.json")"
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
	detail "$(jq -r '.workloads[0].oom_evidence.sources | to_entries |
		map("\(.key) \(.value.said)") | join(", ")' "$run/run.json")"
	jq -e '.workloads | length == 1 and all(.oom_killed and .expected_oom and
		.exit_code == 137 and .broken == null and .oom_evidence.killed == "yes" and
		.oom_evidence.kills == 1 and .oom_evidence.limit == "own")' "$run/run.json"
	dmesg | grep -q 'Memory cgroup out of memory: Killed process .*memgen'
}

# Runs a command of leaklab that prints JSON, keeps that, counts its rows and shows those that did
# not pass: judged ROWS KEY COMMAND, where ROWS and KEY name the list and the verdict in it.
judged() {
	local rows=$1 key=$2 json=$LOGS/$3.json code=0

	leaklab "$3" --json >"$json" || code=$?
	detail "$(jq -r --arg rows "$rows" --arg key "$key" '[.[$rows][][$key]] | group_by(.) |
		map("\(length) \(.[0])") | join(", ")' "$json")"
	jq -c --arg rows "$rows" --arg key "$key" '.[$rows][] | select(.[$key] != "PASS")' "$json"
	return "$code"
}

step_limits() {
	judged rows verdict limits
}

step_oom() {
	judged cases outcome oom
}

# A user's own container under systemd's cgroup manager, whose name and limit are told.
step_systemd-scope() {
	local id

	id=$(podman run --detach --network=none --memory=128m --memory-swap=128m \
		--name=users-own localhost/leaklab-memgen:latest linear --rate=4MiB/s --duration=20s)
	memgrowth record --duration 10s -o "$LOGS/scope-samples.jsonl" \
		--detections "$LOGS/scope-detections.jsonl"
	podman inspect "$id" >"$LOGS/scope-inspect.json"
	podman rm --force --time=0 "$id"
	grep '"type":"cgroup"' "$LOGS/scope-samples.jsonl" | grep libpod-
	jq -c 'select(.type == "detection")' "$LOGS/scope-detections.jsonl"
	# crun may make a cgroup of its own in the scope.
	jq -es --arg id "$id" 'any(.[]; .type == "detection" and .state == "raised" and
		.limit_bytes == 134217728 and .container == "users-own" and
		(.limit_cgroup | startswith("/machine.slice/libpod-\($id).scope")))' \
		"$LOGS/scope-detections.jsonl"
	detail "named users-own, 128 MiB, below machine.slice"
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

# Runs one step and writes down how it ended: perform NAME:SECONDS. Adds to n.
perform() {
	local name=${1%:*} limit_s=${1##*:} started=$EPOCHREALTIME code=0 why='' seconds log
	log=$LOGS/$name.log

	n=$((n + 1))
	timeout --kill-after=10 "$limit_s" "$0" run "$name" >"$log" 2>&1 </dev/null || code=$?
	seconds=$(awk -v a="$started" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')
	case $code in
	0) ;;
	124 | 137) why="did not end within $limit_s s" ;;
	*) why="exit code $code" ;;
	esac
	jq -cn --argjson n "$n" --arg name "$name" --argjson seconds "$seconds" --arg why "$why" \
		--arg detail "$(cat "$LOGS/$name.detail" 2>/dev/null)" \
		'{n: $n, name: $name, ok: ($why == ""), seconds: $seconds, why: $why,
		  detail: $detail}' >>"$RESULTS/steps.jsonl"
	if [ -z "$why" ]; then
		console "ok $n - $name ($seconds s)"
	else
		console "not ok $n - $name ($seconds s): $why"
		tail -n 12 "$log" | sed 's/^/# /'
	fi
	# After each step: a machine that hangs later has at least told of this one.
	tar -c -f /dev/vdc -C "$RESULTS" .
}

if [ "${1:-}" = run ]; then
	run_step "$2"
	exit
fi

steps=("${FIRST_STEPS[@]}")
if [ "$WANTED_INIT" = systemd ]; then
	steps+=("${SYSTEMD_STEPS[@]}")
else
	for program in tests/bpf/test_*; do
		steps+=("bpf_${program##*/}:300")
	done
	steps+=("${STEPS[@]}")
fi
steps+=("${LAST_STEPS[@]}")

facts "${#steps[@]}" >"$RESULTS/facts.json" 2>"$LOGS/facts.log"
console "1..${#steps[@]}"
n=0
for step in "${steps[@]}"; do perform "$step"; done
! grep -q '"ok":false' "$RESULTS/steps.jsonl"
