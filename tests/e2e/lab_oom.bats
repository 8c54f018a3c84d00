#!/usr/bin/env bats
# leaklab oom: real kills, who saw them, and that nothing stays. And what a run says of its kills.

# Each bats test is a subshell of its own, in which it may set what the helpers read.
# shellcheck disable=SC2030,SC2031,SC2034

bats_require_minimum_version 1.5.0
load common.bash

setup() {
	require_root
	make_bin
}

teardown() {
	keep_run_on_failure
	[ "$(id -u)" -ne 0 ] || expect_nothing_left
}

# Value of a jq filter over one case of $output.
of_case() {
	jq -r --arg name "$1" ".cases[] | select(.case == \$name) | $2" <<<"$output"
}

# Starts leaklab oom in the background and returns once the container of case $1 is there: $made.
start_case() {
	local deadline=$((SECONDS + 60))

	"$BIN/leaklab" oom "$1" >"$BATS_TEST_TMPDIR/stdout" 2>"$BATS_TEST_TMPDIR/stderr" 3>&- &
	LEAKLAB=$!
	made=
	until [ -n "$made" ]; do
		[ "$SECONDS" -lt "$deadline" ] || return 1
		kill -0 "$LEAKLAB" || return 1
		made=$(podman ps --all --quiet --filter "label=leaklab.instance=$1")
	done
}

@test "every verdict is right, and the sources of the kernel agree with it" {
	run --separate-stderr "$BIN/leaklab" oom --json
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(jq '.cases | length' <<<"$output")" -eq 9 ]
	[ "$(jq -r '[.cases[].outcome] | unique - ["PASS", "SKIP"] | length' <<<"$output")" -eq 0 ]
	# Only the group may be skipped, by name.
	[ "$(jq -r '.cases[] | select(.outcome == "SKIP").case' <<<"$output")" = group ] ||
		[ "$(of_case group .outcome)" = PASS ]
	[ "$(jq '[.cases[].oom_evidence.sources.events.lied] | any' <<<"$output")" = false ]
	[ "$(jq '[.cases[].oom_evidence.sources.klog.lied] | any' <<<"$output")" = false ]
	[ "$(of_case outside .oom_evidence.sources.status.lied)" = true ]
	[ "$(of_case hostile-name '.oom_evidence.victims[0].comm')" = '\x0a,task=a,pid=1' ]
	case $(of_case ancestor .oom_evidence.limit_cgroup) in
	/leaklab-*/ancestor) ;;
	*) return 1 ;;
	esac
}

@test "the matrix marks who was wrong" {
	run "$BIN/leaklab" oom outside ordinary
	[ "$status" -eq 0 ]
	[[ ${lines[0]} == CASE*trace*events*status*podman*conmon*klog*VERDICT*EXPECTED* ]]
	[[ ${lines[1]} =~ ^outside\ .*\ yes!\ .*\ no\ +no\ +PASS$ ]]
	[[ ${lines[2]} =~ ^ordinary\ .*\ no\ +no\ +PASS$ ]]
	[[ $output == *"status was wrong in 1 of 2"* ]]
}

@test "without a recorder the others are enough" {
	use_double mute
	run --separate-stderr "$BIN/leaklab" oom single outside --json
	[ "$status" -eq 0 ]
	[ "$(of_case single .oom_evidence.sources.trace.said)" = unknown ]
	[[ "$(of_case single .oom_evidence.sources.trace.why)" == *"no BTF in this kernel"* ]]
	[ "$(of_case outside .oom_evidence.killed)" = no ]
}

@test "a kernel log that may not be read was not asked, and said nothing" {
	[ "$(cat /proc/sys/kernel/dmesg_restrict)" -eq 1 ] ||
		skip "kernel.dmesg_restrict is 0: anybody may read the log"
	run --separate-stderr setpriv --bounding-set=-syslog --inh-caps=-syslog \
		"$BIN/leaklab" oom single outside --json
	[ "$status" -eq 0 ]
	[ "$(of_case single .oom_evidence.sources.klog.said)" = unknown ]
	[[ "$(of_case outside .oom_evidence.sources.klog.why)" == "not asked: /dev/kmsg: "* ]]
	[ "$(of_case single .oom_evidence.limit)" = own ]
}

@test "Ctrl-C leaves nothing" {
	start_case outside
	kill -INT "$LEAKLAB"
	status=0
	wait "$LEAKLAB" || status=$?
	# It may have been past the only thing that a signal stops.
	[ "$status" -eq 130 ] || [ "$status" -eq 0 ]
}

@test "what a killed leaklab oom leaves is removed by clean" {
	start_case outside
	kill -KILL "$LEAKLAB"
	wait "$LEAKLAB" || [ $? -eq 137 ]
	run "$BIN/leaklab" clean
	[ "$status" -eq 0 ]
	[[ $output == *"removed what run"* ]]
}

@test "a container that is removed in mid-case is told" {
	start_case single
	podman rm --force --time 0 "$made"
	status=0
	wait "$LEAKLAB" || status=$?
	# Before its start the case is broken; later nobody kills it, or somebody already has.
	[ "$status" -eq 3 ] || [ "$status" -eq 1 ] || [ "$status" -eq 0 ]
	grep -q '^single ' "$BATS_TEST_TMPDIR/stdout"
}

@test "unknown cases and options are refused" {
	run "$BIN/leaklab" oom nonsense
	[ "$status" -eq 2 ]
	[[ $output == *"nonsense: no such case (see \`leaklab oom --list\`)"* ]]
	run "$BIN/leaklab" oom --nonsense
	[ "$status" -eq 2 ]
	run "$BIN/leaklab" oom --list
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 9 ]
}

@test "in a run, a child that is killed while the first process lives is an unexpected kill" {
	write_scenario child 6s <<-'END'
	  - name: one
	    pattern: steady
	    args: [--size=1MiB, --start-delay=0]
	    memory: 32MiB
	  - name: stress
	    image: stress-ng
	    command: [--vm, "1", --vm-bytes, 256M, --vm-keep, --oomable]
	    memory: 64MiB
	END
	start_recording
	finish
	[ "$status" -eq 3 ]
	expect_words "stress: ran out of its 64MiB of memory, which killed a child of its"
	[ "$(of_run '.workloads[1].oom_killed')" = true ]
	[ "$(of_run '.workloads[1].oom_evidence.scope')" = child ]
	[ "$(of_run '.workloads[1] | .oom_ns > .started_ns and .oom_ns <= .ended_ns + 1000000000')" = true ]
	[ "$(of_run '.workloads[0].oom_evidence.killed')" = no ]
	[ "$(of_run '.workloads[0].oom_ns')" = null ]
	run "$BIN/leaklab" report "$RUN"
	[[ $output == *"OOM kills (! = the source was wrong)"* ]]
	[[ $output =~ stress\ .*\ yes\ child\ own ]]
}
