#!/usr/bin/env bats
# The same samples give the same detections, byte for byte, whatever compiled the detector.
# Needs build/memgen and what memgrowth is built with; no privileges. BUILD is the build directory.

bats_require_minimum_version 1.5.0

variants=(gcc-O0 gcc-O3 gcc-native clang-O2)

build_variant() {
	local name=$1 cc=gcc flags
	case $name in
	gcc-O0) flags="-O0" ;;
	gcc-O3) flags="-O3" ;;
	gcc-native) flags="-O3 -march=native" ;;
	clang-O2) cc=clang flags="-O2" ;;
	esac
	# Warnings are the affair of the ordinary build; here only the code counts.
	make --silent -C "$ROOT" BUILD="$VARIANTS/$name" CC=$cc CFLAGS="$flags" WARNINGS= \
		"$VARIANTS/$name/memgrowth" >&2
}

setup_file() {
	ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	BUILD=${BUILD:-build}
	[[ $BUILD == /* ]] || BUILD=$ROOT/$BUILD
	# Kept, so that the next run has nothing to build. Of the same revision as each other.
	VARIANTS=$BUILD/replay-variants
	export ROOT BUILD VARIANTS
	make --silent -C "$ROOT" BUILD="$BUILD" "$BUILD/memgen"
	for name in "${variants[@]}"; do
		build_variant "$name"
	done
}

simulate() {
	"$BUILD/memgen" "$@" --simulate=samples --duration=400s --jitter=20 --seed=7
}

expect_same() {
	local samples=$1 first="$BATS_TEST_TMPDIR/first" name
	"$VARIANTS/${variants[0]}/memgrowth" replay "$samples" >"$first"
	[ "$(wc -l <"$first")" -ge "$2" ]
	for name in "${variants[@]:1}"; do
		"$VARIANTS/$name/memgrowth" replay "$samples" >"$BATS_TEST_TMPDIR/$name"
		cmp "$first" "$BATS_TEST_TMPDIR/$name"
	done
}

@test "replay: the same detections at -O0, -O3, for this CPU, and from clang" {
	for pattern in burst linear accelerating "accelerating --curve=exponential --doubling=60s" \
		oscillating steady warmup sawtooth churn spike cache gcleak sine plateau walk; do
		# shellcheck disable=SC2086 # pattern and its option
		simulate $pattern >"$BATS_TEST_TMPDIR/samples.jsonl"
		expect_same "$BATS_TEST_TMPDIR/samples.jsonl" 2
	done
}

@test "replay: the same detections for several processes" {
	simulate burst --processes=5 >"$BATS_TEST_TMPDIR/samples.jsonl"
	expect_same "$BATS_TEST_TMPDIR/samples.jsonl" 20
}

@test "replay: the same detections of both ledgers, with the time to the limit" {
	for recording in "$ROOT"/tests/golden/ledger/*.samples.jsonl; do
		expect_same "$recording" 1
	done
}

@test "replay: the same from a file and from a pipe, and twice" {
	local memgrowth="$VARIANTS/${variants[0]}/memgrowth"
	cd "$BATS_TEST_TMPDIR"
	simulate linear >samples.jsonl
	"$memgrowth" replay samples.jsonl >file
	"$memgrowth" replay - <samples.jsonl >pipe
	"$memgrowth" replay -o output samples.jsonl
	cmp file pipe
	cmp file output
}

@test "replay: a recording that was cut short gives what it still has" {
	cd "$BATS_TEST_TMPDIR"
	simulate linear >samples.jsonl
	head -c -20 samples.jsonl >cut.jsonl
	run --separate-stderr "$VARIANTS/${variants[0]}/memgrowth" replay cut.jsonl
	[ "$status" -eq 0 ]
	# shellcheck disable=SC2154 # set by run
	[[ $stderr == *"cut.jsonl: the last line was cut short"* ]]
	[[ $output == *'"type":"end"'* ]]
}

@test "replay: a broken recording is refused with its line" {
	cd "$BATS_TEST_TMPDIR"
	{ simulate linear | head -n 5; echo garbage; } >broken.jsonl
	run --separate-stderr "$VARIANTS/${variants[0]}/memgrowth" replay broken.jsonl
	[ "$status" -eq 1 ]
	[[ $stderr == *"broken.jsonl:6: not JSON"* ]]
	: >empty.jsonl
	run --separate-stderr "$VARIANTS/${variants[0]}/memgrowth" replay empty.jsonl
	[ "$status" -eq 1 ]
	[[ $stderr == *"empty"* ]]
}
