# Shared by the end-to-end tests of leaklab. Each test runs its own copies of the programs beside
# each other in a folder.
# shellcheck shell=bash
# The tests read the variables that are set here; each bats test is a subshell of its own.
# shellcheck disable=SC2034,SC2030,SC2031

REPO=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
BUILD=${LEAKLAB_BUILD:-$REPO/build}

require_root() {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
}

# $BIN: a folder of programs that leaklab finds beside itself.
make_bin() {
	BIN=$BATS_TEST_TMPDIR/bin
	RUNS=$BATS_TEST_TMPDIR/runs
	mkdir -p "$BIN"
	cp "$BUILD/leaklab" "$BUILD/memgen" "$BUILD/memgrowth" "$BIN"
}

# A collector that misbehaves as $1 says, see tests/e2e/collector-double.
use_double() {
	cp "$BATS_TEST_DIRNAME/collector-double" "$BIN/memgrowth"
	export DOUBLE=$1
}

# Writes a scenario: write_scenario NAME DURATION, workloads and gates on stdin.
write_scenario() {
	SCENARIO=$BATS_TEST_TMPDIR/$1.yaml
	{
		printf 'name: %s\nduration: %s\nworkloads:\n' "$1" "$2"
		cat
	} >"$SCENARIO"
}

two_workloads() {
	write_scenario "$1" "$2" <<-'END'
	  - name: one
	    pattern: linear
	    args: [--rate=1MiB/s, --start-delay=0]
	    memory: 256MiB
	  - name: two
	    pattern: steady
	    args: [--size=8MiB, --start-delay=0]
	    memory: 64MiB
	END
}

# Starts leaklab in the background and returns once it records. Its stderr goes through a fifo,
# so that nothing is waited for but its own words.
start_recording() {
	mkfifo "$BATS_TEST_TMPDIR/words"
	"$BIN/leaklab" run "$SCENARIO" --runs "$RUNS" 2>"$BATS_TEST_TMPDIR/words" \
		>"$BATS_TEST_TMPDIR/stdout" 3>&- &
	LEAKLAB=$!
	exec {WORDS}<"$BATS_TEST_TMPDIR/words"
	said=
	wait_for_words "recording for"
	RUN=$(echo "$RUNS"/*)
}

wait_for_words() {
	local line

	while read -r -t 60 -u "$WORDS" line; do
		said+=$line$'\n'
		case $line in
		*"$1"*) return 0 ;;
		esac
	done
	echo "leaklab never said: $1; it said:" "$said" >&2
	return 1
}

# Waits for the end of what start_recording started: $status, and all its words in $said.
finish() {
	said+=$(cat <&"$WORDS")
	exec {WORDS}<&-
	status=0
	wait "$LEAKLAB" || status=$?
}

# Value of a jq filter over run.json.
of_run() {
	jq -r "$1" "$RUN/run.json"
}

expect_words() {
	case $said in
	*"$1"*) return 0 ;;
	esac
	printf 'expected: %s\nbut it said: %s\n' "$1" "$said" >&2
	return 1
}

# True when run $1 belongs to a live leaklab: somebody else's, on a machine that is shared.
run_is_alive() {
	[ -e "/run/leaklab/$1/lock" ] && ! flock --nonblock "/run/leaklab/$1/lock" true
}

# Everything that carries the id of a run, as "what id" lines.
list_traces() {
	podman ps --all --filter label=leaklab.run \
		--format 'container {{index .Labels "leaklab.run"}}'
	# Those of runs: tests of the collector have others, and clean up themselves.
	find /sys/fs/cgroup -maxdepth 2 -name 'leaklab-*' -printf 'cgroup %f\n' 2>/dev/null |
		sed -En 's/leaklab-([0-9a-f]{8})$/\1/p'
	find /run/leaklab -mindepth 1 -maxdepth 1 -printf 'state %f\n' 2>/dev/null
}

# No container, cgroup, process or state of any run that is over.
expect_nothing_left() {
	local left=0 found what id

	while read -r what id; do
		run_is_alive "$id" && continue
		echo "left: $what of run $id" >&2
		left=1
	done < <(list_traces)
	# 1 says that there is none; anything else that pgrep is missing or wrong.
	found=$(pgrep -f "^(/bin/bash )?$BIN/") || [ $? -eq 1 ] ||
		{ echo "pgrep failed" >&2; left=1; }
	[ -z "$found" ] || { echo "processes left: $found" >&2; left=1; }
	return "$left"
}

# On failure the run directory is kept and named.
keep_run_on_failure() {
	local kept

	[ -n "${BATS_TEST_COMPLETED:-}" ] && return 0
	[ -d "${RUNS:-}" ] || return 0
	kept=$(mktemp -d "${TMPDIR:-/tmp}/leaklab-failed-XXXXXX")
	cp -r "$RUNS" "$kept/"
	echo "the run directory is kept in $kept" >&2
}
