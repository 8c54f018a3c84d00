#!/usr/bin/env bats
# leaklab limits with real containers and real OOM kills: limits that hold are told so, limits that
# somebody lifted turn the table red, and nothing stays on the host.

# Each bats test is a subshell of its own, in which it may set what the helpers read.
# shellcheck disable=SC2030,SC2031,SC2034

load common.bash

setup() {
	require_root
	make_bin
	SWAPS=$(swaps)
	PAUSE_IMAGES=$(pause_images)
}

# What podman builds for the first pod of a host.
pause_images() {
	podman images --noheading --format '{{.Repository}}:{{.Tag}}' | grep '/podman-pause:' || :
}

teardown() {
	local left=0

	[ "$(id -u)" -eq 0 ] || return 0
	# Bats asks for the status of teardown as a whole.
	expect_nothing_left || left=1
	[ -z "${USER_CONTAINER:-}" ] || podman rm --force --time 0 "$USER_CONTAINER" >/dev/null
	[ -z "${OUTSIDE:-}" ] || rmdir "$OUTSIDE"
	! podman pod ps --format '{{.Name}}' | grep '^leaklab-' >&2 || left=1
	[ "$(pause_images)" = "$PAUSE_IMAGES" ] || { echo "left: $(pause_images)" >&2; left=1; }
	return "$left"
}

# What is swapped to, without how much.
swaps() {
	awk '{ print $1 }' /proc/swaps
}

# limits ARGUMENT...: its table as JSON in $TABLE, its exit code in $status.
limits() {
	TABLE=$BATS_TEST_TMPDIR/table.json
	status=0
	"$BIN/leaklab" limits --json "$@" >"$TABLE" 2>"$BATS_TEST_TMPDIR/words" || status=$?
	said=$(<"$BATS_TEST_TMPDIR/words")
	# Shown when the test fails.
	cat "$TABLE" "$BATS_TEST_TMPDIR/words"
}

# row CONTAINER KNOB FILTER
row() {
	jq -r --arg c "$1" --arg k "$2" \
		".rows[] | select(.container == \$c and .knob == \$k) | $3" "$TABLE"
}

use_podman_double() {
	cp "$BATS_TEST_DIRNAME/podman-double" "$BIN/podman"
	export DOUBLE=$1
}

# A container as a user would start it, with what this host lets a container have.
start_user_container() {
	local runtime=crun

	# crun refuses hybrid hosts whose v2 side has controllers.
	if ! command -v crun >/dev/null ||
		grep -qs . /sys/fs/cgroup/unified/cgroup.controllers; then
		runtime=runc
	fi
	USER_CONTAINER=limits-test-$BATS_TEST_NUMBER-$$
	podman --cgroup-manager cgroupfs --runtime "$runtime" run --detach --name "$USER_CONTAINER" --network=none \
		--ulimit "nofile=$(ulimit -Hn):$(ulimit -Hn)" --ulimit nproc=1024:1024 \
		"$@" localhost/leaklab-memgen:latest \
		steady --size=20MiB --start-delay=0 --duration=10min >/dev/null
	until podman logs "$USER_CONTAINER" | grep -q '"ready"'; do
		[ "$(podman inspect --format '{{.State.Status}}' "$USER_CONTAINER")" = running ]
	done
}

# The memory hierarchy, and the cgroup of a container in it.
memory_root() {
	[ -e /sys/fs/cgroup/cgroup.controllers ] && echo /sys/fs/cgroup || echo /sys/fs/cgroup/memory
}

@test "the built-in set passes here, each knob with a verdict and each skip with its reason" {
	limits --junit "$BATS_TEST_TMPDIR/junit.xml" --markdown "$BATS_TEST_TMPDIR/table.md"
	[ "$status" -eq 0 ]
	[ "$(jq .fail "$TABLE")" -eq 0 ]
	[ "$(jq '[.rows[] | select(.verdict == "SKIP" and (.reason // "") == "")] | length' \
		"$TABLE")" -eq 0 ]
	[ "$(row memory memory .written_bytes)" -eq $((32 << 20)) ]
	[ "$(row memory memory .verdict)" = PASS ]
	[[ $(row memory memory .observed) == *"held"*"OOM-killed"* ]]
	[ "$(row ancestor memory .declared_bytes)" -eq $((96 << 20)) ]
	[ "$(row ancestor memory .effective_bytes)" -eq $((64 << 20)) ]
	[[ $(row ancestor memory .binds) == /leaklab-*/small ]]
	[[ $(row ancestor memory .observed) == *"66.0 MiB: OOM-killed"* ]]
	[ "$(row "no limit" memory .binds)" = RAM ]
	[ "$(row "no limit" memory .written_bytes)" = null ]
	for knob in memory-swap memory-reservation memory.high memory.oom.group; do
		[ "$(jq --arg k "$knob" '[.rows[] | select(.knob == $k)] | length' "$TABLE")" -ge 1 ]
	done
	[ "$(row "update above use" memory .written_bytes)" -eq $((48 << 20)) ]
	# Swap is there or was made; then it was used. Or the reason says what was in the way.
	if [ "$(row memory+swap memory-swap .verdict)" = PASS ]; then
		[[ $(row memory+swap memory-swap .observed) == *"of it in swap"* ]]
	else
		[[ $(row memory+swap memory-swap .reason) == *"swap"* ]]
	fi
	[ "$(grep -c '<testcase' "$BATS_TEST_TMPDIR/junit.xml")" -eq "$(jq '.rows | length' "$TABLE")" ]
	[ "$(grep -c '^|' "$BATS_TEST_TMPDIR/table.md")" -eq "$(jq '.rows | length + 2' "$TABLE")" ]
	[ "$(swaps)" = "$SWAPS" ]
}

two_limits() {
	write_scenario "$1" 80s <<-'END'
	  - name: small
	    pattern: steady
	    args: [--size=8MiB]
	    memory: 32MiB
	  - name: many
	    pattern: steady
	    args: [--size=8MiB]
	    memory: 48MiB
	    count: 2
	END
}

@test "a scenario: each container is read, each limit among them tried" {
	two_limits scenario
	limits "$SCENARIO"
	[ "$status" -eq 0 ]
	[ "$(row small memory .written_bytes)" -eq $((32 << 20)) ]
	[ "$(row many-2 memory .written_bytes)" -eq $((48 << 20)) ]
	[ "$(row many-2 memory .verdict)" = PASS ]
	[[ $(row many-2 memory .observed) == *"50.0 MiB: OOM-killed"* ]]
	[ "$(jq '[.rows[] | select(.container | startswith("trial of"))] | length' "$TABLE")" -eq 4 ]
	[[ $(row "trial of 48.0 MiB" memory .observed) == *"45.0 MiB held; 50.0 MiB: OOM-killed"* ]]
}

@test "a limit that is not what was declared turns the table red" {
	two_limits raised
	use_podman_double raise-written
	limits "$SCENARIO"
	[ "$status" -eq 1 ]
	[ "$(row small memory .verdict)" = FAIL ]
	[[ $(row small memory .reason) == *"declared is 32.0 MiB, but cgroupfs says 256 MiB"* ]]
}

@test "a limit that is written but lifted before the program runs is found by the workload" {
	two_limits lifted
	use_podman_double raise-started
	limits "$SCENARIO"
	[ "$status" -eq 1 ]
	[ "$(row small memory .written_bytes)" -eq $((32 << 20)) ]
	[ "$(row small memory .verdict)" = FAIL ]
	[ "$(row "trial of 32.0 MiB" memory .verdict)" = FAIL ]
	[[ $(row "trial of 32.0 MiB" memory .observed) == *"34.0 MiB held"* ]]
	[[ $(row "trial of 32.0 MiB" memory .reason) == *"not enforced"* ]]
}

@test "a process that left its cgroup is limited by nothing, and that is found" {
	two_limits moved
	use_podman_double move-started
	limits "$SCENARIO"
	[ "$status" -eq 1 ]
	[ "$(row "trial of 32.0 MiB" memory .verdict)" = FAIL ]
}

@test "a SIGKILL from outside is not taken for the limit, whatever conmon was told" {
	two_limits outside
	use_podman_double kill-over
	limits "$SCENARIO"
	[ "$status" -eq 1 ]
	[[ $(row "trial of 32.0 MiB" memory .observed) == *"killed, but not for want of memory" ]]
	[ "$(row "trial of 32.0 MiB" memory .verdict)" = FAIL ]
}

@test "a user's container is read without touching it, and its limits are tried beside it" {
	start_user_container --memory=64m --memory-swap=64m
	limits --container "$USER_CONTAINER" --probe
	[ "$status" -eq 0 ]
	[ "$(row "$USER_CONTAINER" memory .declared_bytes)" -eq $((64 << 20)) ]
	[ "$(row "$USER_CONTAINER" memory .written_bytes)" -eq $((64 << 20)) ]
	[[ $(row "$USER_CONTAINER" memory .observed) == *"MiB in use"* ]]
	[[ $(row "$USER_CONTAINER (probe)" memory .observed) == *"OOM-killed"* ]]
	[ "$(podman inspect --format '{{.State.Status}}' "$USER_CONTAINER")" = running ]
}

@test "a user's container whose limit was raised, or whose process was moved, is told" {
	start_user_container --memory=64m --memory-swap=64m
	pid=$(podman inspect --format '{{.State.Pid}}' "$USER_CONTAINER")
	dir=$(memory_root)$(podman inspect --format '{{.State.CgroupPath}}' "$USER_CONTAINER")
	for file in memory.memsw.limit_in_bytes memory.limit_in_bytes memory.max; do
		[ ! -e "$dir/$file" ] || echo 128M >"$dir/$file"
	done
	limits --container "$USER_CONTAINER"
	[ "$status" -eq 1 ]
	[[ $(row "$USER_CONTAINER" memory .reason) == *"cgroupfs says 128 MiB"* ]]

	OUTSIDE=$(memory_root)/limits-test-$$
	mkdir "$OUTSIDE"
	echo "$pid" >"$OUTSIDE/cgroup.procs"
	limits --container "$USER_CONTAINER"
	[ "$status" -eq 1 ]
	[[ $(row "$USER_CONTAINER" memory .reason) == *"no cgroup of this container"* ]]
	podman rm --force --time 0 "$USER_CONTAINER" >/dev/null
}

@test "a container that is unknown, or does not run, is named with what to do" {
	limits --container no-such-container
	[ "$status" -eq 2 ]
	expect_words "no-such-container"
	start_user_container --memory=64m
	podman kill "$USER_CONTAINER" >/dev/null
	podman wait "$USER_CONTAINER" >/dev/null
	limits --container "$USER_CONTAINER"
	[ "$status" -eq 2 ]
	expect_words "only a running one has a cgroup"
}

@test "a Deployment: podman plays its memory resources, its programs do not run" {
	cat >"$BATS_TEST_TMPDIR/web.yaml" <<-'END'
	apiVersion: v1
	kind: ConfigMap
	metadata: {name: config}
	---
	apiVersion: apps/v1
	kind: Deployment
	metadata: {name: web}
	spec:
	  replicas: 3
	  template:
	    spec:
	      containers:
	        - name: server
	          image: docker.io/library/no-such-image:1
	          ports: [{containerPort: 80, hostPort: 80}]
	          resources:
	            limits: {memory: 48Mi, cpu: 500m}
	            requests: {memory: 32Mi}
	        - {name: side, image: docker.io/library/no-such-image:1}
	END
	limits --pod "$BATS_TEST_TMPDIR/web.yaml"
	# With swap the container swaps where Kubernetes would have killed it.
	if [ "$SWAPS" = Filename ]; then
		[ "$status" -eq 0 ]
		[[ $(row server memory .observed) == *"45.0 MiB held; 50.0 MiB: OOM-killed"* ]]
		[ "$(row server memory-swap .verdict)" = SKIP ]
	else
		[ "$status" -eq 1 ]
		[ "$(row server memory-swap .verdict)" = FAIL ]
	fi
	[ "$(row server memory .written_bytes)" -eq $((48 << 20)) ]
	[ "$(row server memory-reservation .written_bytes)" -eq $((32 << 20)) ]
	[ "$(row server memory-swap .declared)" = none ]
	[[ $(row server memory-swap .reason) == *"swap"* ]]
	[ "$(row side memory .binds)" = RAM ]
}

@test "what is no Pod file is refused with file, line and reason" {
	pod=$BATS_TEST_TMPDIR/pod.yaml
	limits --pod "$BATS_TEST_TMPDIR/missing.yaml"
	[ "$status" -eq 2 ]
	expect_words "missing.yaml: No such file"

	printf 'kind: Pod\nspec: [\n' >"$pod"
	limits --pod "$pod"
	[ "$status" -eq 2 ]
	expect_words "pod.yaml:3: not YAML"

	printf 'kind: StatefulSet\nspec: {}\n' >"$pod"
	limits --pod "$pod"
	[ "$status" -eq 2 ]
	expect_words "only StatefulSet"

	printf 'kind: Pod\nspec:\n  containers:\n  - name: a\n    resources: {limits: {memory: 64MB}}\n' \
		>"$pod"
	limits --pod "$pod"
	[ "$status" -eq 2 ]
	expect_words 'pod.yaml:5: memory: "64MB": not a Kubernetes quantity'
}

@test "wrong usage" {
	limits --pod x --container y
	[ "$status" -eq 2 ]
	limits --probe
	[ "$status" -eq 2 ]
	limits --no-such-option
	[ "$status" -eq 2 ]
	limits no-such-scenario
	[ "$status" -eq 2 ]
	expect_words "no-such-scenario"
}

# Starts leaklab limits ARGUMENT... and returns while the first container is being started, by process $DOUBLE_PID.
start_hanging() {
	use_podman_double hang-started
	export DOUBLE_HERE=$BATS_TEST_TMPDIR/here DOUBLE_GO=$BATS_TEST_TMPDIR/go
	mkfifo "$DOUBLE_HERE" "$DOUBLE_GO"
	"$BIN/leaklab" limits "$@" >/dev/null 2>"$BATS_TEST_TMPDIR/words" 3>&- &
	LEAKLAB=$!
	read -r -t 60 DOUBLE_PID <>"$DOUBLE_HERE"
}

@test "Ctrl-C ends it and removes everything, swap too" {
	start_hanging
	kill -INT "$LEAKLAB"
	echo go >"$DOUBLE_GO"
	status=0
	wait "$LEAKLAB" || status=$?
	[ "$status" -eq 130 ]
	[ "$(swaps)" = "$SWAPS" ]
}

# Kills it and lets leaklab clean remove what it left.
kill_and_clean() {
	kill -KILL "$LEAKLAB"
	wait "$LEAKLAB" || [ $? -eq 137 ]
	echo go >"$DOUBLE_GO"
	tail --pid="$DOUBLE_PID" --follow /dev/null
	rm "$BIN/podman"
	run "$BIN/leaklab" clean
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "after kill -9 leaklab clean removes what is left, swap too" {
	start_hanging
	kill_and_clean
	[ "$(swaps)" = "$SWAPS" ]
}

@test "after kill -9 leaklab clean removes a pod, too" {
	printf 'kind: Pod\nspec:\n  containers:\n  - name: a\n    resources: {limits: {memory: 64Mi}}\n' \
		>"$BATS_TEST_TMPDIR/pod.yaml"
	start_hanging --pod "$BATS_TEST_TMPDIR/pod.yaml"
	podman pod ps --format '{{.Name}}' | grep '^leaklab-'
	kill_and_clean
}
