#!/usr/bin/env bats
# leaklab run with real containers: what it leaves, what it says when something breaks, and that
# nothing of a run stays on the host.

# Each bats test is a subshell of its own, in which it may set what the helpers read.
# shellcheck disable=SC2030,SC2031,SC2034

load common.bash

setup() {
	require_root
	make_bin
}

teardown() {
	keep_run_on_failure
	[ -z "${MOUNTED:-}" ] || umount "$MOUNTED"
	[ "$(id -u)" -ne 0 ] || expect_nothing_left
}

@test "a run leaves truth, samples and a run.json that maps containers to cgroups" {
	two_workloads good 2s
	start_recording
	pid=$(podman ps --quiet --filter label=leaklab.instance=one |
		xargs podman inspect --format '{{.State.Pid}}')
	path=$(awk -F: '$2 == "memory" || $1 == 0 { print $3; exit }' "/proc/$pid/cgroup")
	finish
	[ "$status" -eq 0 ]
	[ "$(of_run .status)" = complete ]
	[ "$(of_run '.workloads | length')" -eq 2 ]
	[ "$(of_run '.workloads[0].processes[0].pid')" -eq "$pid" ]
	[ "$(of_run '.workloads[0].processes[0].ns_pid')" -eq 1 ]
	[ "$(of_run '.workloads[0].cgroup_path')" = "$path" ]
	[ "$(of_run '.workloads[0].limit_bytes')" -eq $((256 << 20)) ]
	[ "$(of_run '.workloads[1].limit_cgroup == .workloads[1].cgroup_path')" = true ]
	[ "$(of_run '[.workloads[].broken] | all(. == null)')" = true ]
	[ "$(of_run '.collector.exit_code')" -eq 0 ]
	[ "$(jq -r 'select(.type == "end").reason' "$RUN/truth/one.jsonl")" = duration ]
	[ "$(tail -n 1 "$RUN/samples.jsonl" | jq -r .type)" = end ]
	cmp "$SCENARIO" "$RUN/scenario.yaml"
	[ ! -e "$RUN/run.json.tmp" ]
}

@test "count makes instances with seeds of their own, start delays" {
	write_scenario many 2s <<-'END'
	  - name: g
	    pattern: steady
	    args: [--size=1MiB, --start-delay=0]
	    count: 3
	    memory: 32MiB
	  - name: late
	    pattern: steady
	    args: [--size=1MiB, --start-delay=0]
	    start: 1s
	    memory: 32MiB
	END
	start_recording
	finish
	[ "$status" -eq 0 ]
	[ "$(of_run '[.workloads[].instance] | join(" ")')" = "g-1 g-2 g-3 late" ]
	[ "$(cat "$RUN"/truth/*.jsonl | jq -r 'select(.type == "start").seed' | sort -u | wc -l)" -eq 4 ]
	[ "$(of_run '(.workloads[3].started_ns - .workloads[0].started_ns) > 900000000')" = true ]
}

@test "background load is not judged and has no truth" {
	write_scenario load 2s <<-'END'
	  - name: one
	    pattern: steady
	    args: [--size=1MiB, --start-delay=0]
	    memory: 32MiB
	  - name: stress
	    image: stress-ng
	    command: [--vm, "1", --vm-bytes, 16M, --vm-hang, "1"]
	    memory: 128MiB
	END
	start_recording
	finish
	[ "$status" -eq 0 ]
	[ "$(of_run '.workloads[1].judged')" = false ]
	[ "$(of_run '.workloads[1].truth')" = null ]
	[ "$(of_run '.workloads[1].broken')" = null ]
}

@test "an image that writes its truth is judged" {
	write_scenario judged 3s <<-'END'
	  - name: own
	    image: localhost/leaklab-memgen:latest
	    command: [linear, --rate=1MiB/s, --start-delay=0, --duration=1h]
	    memory: 64MiB
	    judged: true
	END
	start_recording
	finish
	[ "$status" -eq 0 ]
	[ "$(of_run '.workloads[0].judged')" = true ]
	[ "$(of_run '.workloads[0].truth')" = truth/own.jsonl ]
	[ "$(of_run '.workloads[0].broken')" = null ]
	[ "$(jq -r '.units[0] | .pattern, .class, .broken' "$RUN/score.json")" = "linear
leak
null" ]
}

@test "a judged image that writes something else breaks its contract" {
	write_scenario untrue 3s <<-'END'
	  - name: chatter
	    image: localhost/leaklab-memgen:latest
	    command: [--list]
	    memory: 64MiB
	    judged: true
	END
	run "$BIN/leaklab" run "$SCENARIO" --runs "$RUNS" 3>&-
	[ "$status" -eq 3 ]
	[[ $output == *"chatter: truth/chatter.jsonl:1: not a record of truth"* ]]
}

@test "an OOM kill that the scenario expects is no fault" {
	write_scenario oom 8s <<-'END'
	  - name: grower
	    pattern: linear
	    args: [--rate=40MiB/s, --start-delay=0]
	    memory: 32MiB
	    expect: oom
	END
	start_recording
	finish
	[ "$status" -eq 0 ]
	[ "$(of_run '.workloads[0].oom_killed')" = true ]
	[ "$(of_run '.workloads[0].expected_oom')" = true ]
	[ "$(of_run '.workloads[0].exit_code')" -eq 137 ]
	[ "$(of_run '.workloads[0].broken')" = null ]
}

@test "an OOM kill that it does not expect breaks the workload" {
	write_scenario oom 8s <<-'END'
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
	expect_words "stress: ran out of its 64MiB of memory"
	[ "$(of_run '.workloads[0].broken')" = null ]
}

@test "a container that is killed from outside is broken, the others count" {
	two_workloads killed 4s
	start_recording
	podman kill --signal KILL \
		"$(podman ps --quiet --filter label=leaklab.instance=one)" >/dev/null
	finish
	[ "$status" -eq 3 ]
	expect_words "one: killed from outside"
	[ "$(of_run .status)" = complete ]
	[ "$(of_run '.workloads[0].oom_killed')" = false ]
	[ "$(of_run '.workloads[1].broken')" = null ]
}

@test "when no workload is left the run ends early, as broken" {
	two_workloads gone 60s
	start_recording
	podman ps --quiet --filter label=leaklab.run | xargs podman kill --signal KILL >/dev/null
	finish
	[ "$status" -eq 3 ]
	[ "$(of_run .status)" = broken ]
	[ "$(of_run '(.ended_ns - .started_ns) < 30000000000')" = true ]
}

@test "a collector that is killed in mid-run breaks the run and keeps what it recorded" {
	two_workloads blind 60s
	start_recording
	read -r pid _ </run/leaklab/*/collector
	kill -KILL "$pid"
	finish
	[ "$status" -eq 3 ]
	expect_words "the collector was killed by signal 9"
	expect_words "logs/collector.log"
	expect_words "memgrowth doctor"
	[ "$(of_run .status)" = broken ]
	[ "$(of_run .collector.signal)" -eq 9 ]
	[ -s "$RUN/samples.jsonl" ]
	[ "$(jq -r 'select(.type == "end").reason' "$RUN/truth/one.jsonl")" = signal ]
}

@test "a collector that cannot start is told with its last words" {
	two_workloads mute 2s
	use_double mute
	run "$BIN/leaklab" run "$SCENARIO" --runs "$RUNS"
	[ "$status" -eq 3 ]
	said=$output
	expect_words "before it was ready: memgrowth: no BTF in this kernel"
	expect_words "memgrowth doctor"
}

@test "what a ring that is too small loses is counted and told in the report" {
	write_scenario lossy 3s <<-'END'
	  - name: one
	    pattern: burst
	    args: [--size=8MiB, --every=1s, --start-delay=0]
	    memory: 128MiB
	END
	# A record for each update, of which the ring holds 39.
	run "$BIN/leaklab" run "$SCENARIO" --runs "$RUNS" --collector-option=--ring-size=4KiB \
		--collector-option=--interval=1us --collector-option=--threshold=4KiB
	RUN=$(echo "$RUNS"/*)
	[ "$(of_run '.collector.command | index("--ring-size=4KiB") != null')" = true ]
	lost=$(jq '.records_lost' "$RUN/report.json")
	[ "$lost" -gt 0 ]
	[ "$lost" -eq "$(jq 'select(.type == "end").lost' "$RUN/samples.jsonl")" ]
	[ "$lost" -eq "$(jq -s 'map(select(.type == "loss").lost) | add' "$RUN/samples.jsonl")" ]
	[[ "$output" == *" $lost records lost"* ]]
	[[ "$output" == *"--collector-option=--ring-size=16MiB"* ]]
	# Lost records cost time, never a page: the last record of it is what it held.
	[ "$(jq -s 'map(select(.type == "rss").anon_bytes) | max' "$RUN/samples.jsonl")" -gt $((24 << 20)) ]
}

@test "an option for the collector that it refuses is told in its own words" {
	two_workloads refused 2s
	run "$BIN/leaklab" run "$SCENARIO" --runs "$RUNS" --collector-option=--ring-size=5000
	[ "$status" -eq 3 ]
	[[ "$output" == *"--ring-size=5000: not a power of two"* ]]
	[[ "$output" == *"memgrowth record --help"* ]]
	for option in 5000 -v "--interval 1s" --output=x --cgroup=/ --duration=5s; do
		run "$BIN/leaklab" run "$SCENARIO" --runs "$RUNS" --collector-option="$option"
		[ "$status" -eq 2 ]
		[[ "$output" == *"--collector-option=$option"* ]]
	done
}

@test "a collector that does not stop is killed, and the run broken" {
	two_workloads deaf 1s
	use_double deaf
	run "$BIN/leaklab" run "$SCENARIO" --runs "$RUNS"
	[ "$status" -eq 3 ]
	said=$output
	expect_words "did not stop within 10 s and was killed"
}

@test "Ctrl-C ends the run at once, keeps what was recorded, and a second one hurts nothing" {
	two_workloads cut 60s
	start_recording
	kill -INT "$LEAKLAB"
	wait_for_words "ending the run"
	# It may have ended by now; then there is nobody to hurt.
	! kill -0 "$LEAKLAB" || kill -INT "$LEAKLAB"
	finish
	[ "$status" -eq 130 ]
	RUN=$(echo "$RUNS"/*)
	[ "$(of_run .status)" = interrupted ]
	[ "$(of_run '(.ended_ns - .started_ns) < 20000000000')" = true ]
	[ "$(of_run '[.workloads[].broken] | all(. == null)')" = true ]
	[ "$(jq -r 'select(.type == "end").reason' "$RUN/truth/one.jsonl")" = signal ]
	[ "$(tail -n 1 "$RUN/samples.jsonl" | jq -r .type)" = end ]
}

@test "what a killed leaklab leaves is named by the next run and removed by clean" {
	two_workloads orphan 60s
	start_recording
	kill -KILL "$LEAKLAB"
	finish
	[ "$status" -eq 137 ]
	two_workloads next 1s
	run "$BIN/leaklab" run "$SCENARIO" --runs "$RUNS"
	[ "$status" -eq 0 ]
	said=$output
	expect_words "(2 containers, one cgroup)"
	expect_words "leaklab clean"
	run "$BIN/leaklab" clean
	[ "$status" -eq 0 ]
	said=$output
	expect_words "removed what run"
	run "$BIN/leaklab" clean
	[ "$output" = "nothing to remove" ]
}

@test "clean leaves a live run alone" {
	two_workloads alive 3s
	start_recording
	run "$BIN/leaklab" clean
	[ "$output" = "nothing to remove" ]
	finish
	[ "$status" -eq 0 ]
}

@test "a full disk breaks the run with the folder's name, and run.json is still written" {
	MOUNTED=$BATS_TEST_TMPDIR/small
	RUNS=$MOUNTED/runs
	mkdir "$MOUNTED"
	mount -t tmpfs -o size=80m tmpfs "$MOUNTED"
	two_workloads full 60s
	start_recording
	# More than there is room for: that it fails is the point.
	if head -c 100M /dev/zero >"$MOUNTED/filler"; then return 1; fi
	finish
	[ "$status" -eq 3 ]
	expect_words "of disk are left"
	expect_words "--runs DIR"
	[ "$(of_run .status)" = broken ]
	jq -e . "$RUN/run.json" >/dev/null
	expect_nothing_left
}

@test "too little disk is told before anything starts" {
	MOUNTED=$BATS_TEST_TMPDIR/tiny
	mkdir "$MOUNTED"
	mount -t tmpfs -o size=1m tmpfs "$MOUNTED"
	two_workloads tiny 2s
	run "$BIN/leaklab" run "$SCENARIO" --runs "$MOUNTED/runs"
	[ "$status" -eq 3 ]
	said=$output
	expect_words "--runs DIR"
	[ ! -e "$MOUNTED/runs" ]
}

@test "a missing image is named with its mend" {
	write_scenario image 2s <<-'END'
	  - name: one
	    image: nosuch
	    memory: 64MiB
	END
	run "$BIN/leaklab" run "$SCENARIO" --runs "$RUNS"
	[ "$status" -eq 3 ]
	said=$output
	expect_words "image localhost/leaklab-nosuch:latest: missing; build it with \`make images\`"
}

@test "an image of another memgen is refused before anything starts, and doctor says so" {
	two_workloads other 2s
	printf x >>"$BIN/memgen"
	"$BIN/memgen" --version >/dev/null
	run "$BIN/leaklab" run "$SCENARIO" --runs "$RUNS"
	[ "$status" -eq 3 ]
	said=$output
	expect_words "image localhost/leaklab-memgen:latest: has another memgen ("
	expect_words ") than $BIN/memgen; build it anew with \`make images\`"
	[ ! -e "$RUNS" ]
	run "$BIN/leaklab" doctor
	[ "$status" -eq 3 ]
	said=$output
	expect_words "FAIL  image        image localhost/leaklab-memgen:latest: has another memgen ("
}

@test "without root it says so" {
	two_workloads user 2s
	open=$(mktemp -d /tmp/leaklab-open-XXXXXX)
	cp "$BIN"/* "$SCENARIO" "$open"
	chmod 755 "$open"
	run setpriv --reuid=65534 --regid=65534 --clear-groups \
		"$open/leaklab" run "$open/user.yaml" --runs "$open/runs"
	rm -r "$open"
	[ "$status" -eq 3 ]
	said=$output
	expect_words "not root"
	expect_words "sudo"
}

@test "without podman it says what to install" {
	two_workloads bare 2s
	PATH=$BATS_TEST_TMPDIR/nothing run "$BIN/leaklab" run "$SCENARIO" --runs "$RUNS"
	[ "$status" -eq 3 ]
	said=$output
	expect_words "podman: not found in PATH"
	expect_words "make deps"
}

@test "without the collector it says what to build" {
	two_workloads bare 2s
	rm "$BIN/memgrowth"
	run env PATH=/usr/bin:/bin "$BIN/leaklab" run "$SCENARIO" --runs "$RUNS"
	[ "$status" -eq 3 ]
	said=$output
	expect_words "memgrowth: neither in"
}

@test "doctor passes where runs work, and leaves nothing" {
	run "$BIN/leaklab" doctor
	[ "$status" -eq 0 ]
	said=$output
	expect_words "PASS  runtime"
	expect_words "PASS  swap"
	expect_words "PASS  left-overs"
}
