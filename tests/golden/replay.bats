#!/usr/bin/env bats
# The same samples give the same detections, byte for byte, whatever compiled the detector and
# whatever CPU it runs on. Needs build/memgen; no privileges. BUILD is the build directory.

bats_require_minimum_version 1.5.0

# What of libm gives the same bits on every CPU; see lib/exact_math.h.
EXACT_LIBM="ceil fabs floor fmax fmin frexp ldexp llround sqrt trunc"
# glibc then takes the variants of exp, log and the like that it would take on an older CPU.
OLDER_CPU=glibc.cpu.hwcaps=-AVX512F,-AVX2,-FMA,-FMA4,-AVX

setup_file() {
	ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	BUILD=${BUILD:-build}
	[[ $BUILD == /* ]] || BUILD=$ROOT/$BUILD
	VARIANTS="gcc-O0 gcc-O3 clang-O2"
	if echo | gcc -march=native -E - >/dev/null 2>&1; then
		VARIANTS+=" gcc-native"
	fi
	export ROOT BUILD VARIANTS
	cd "$ROOT" || return
	# shellcheck disable=SC2086,SC2046 # several
	MAKEFLAGS='' make --silent -j "$(nproc)" BUILD="$BUILD" "$BUILD/memgen" \
		$(printf "$BUILD/replay/%s " $VARIANTS) >&2
}

simulate() {
	"$BUILD/memgen" "$@" --simulate=samples --duration=400s --jitter=20 --seed=7
}

# All variants give the same of recording $1, and at least $2 lines.
expect_same() {
	local first="$BATS_TEST_TMPDIR/first" name
	"$BUILD/replay/gcc-O0" "$1" >"$first"
	[ "$(wc -l <"$first")" -ge "$2" ]
	for name in $VARIANTS; do
		"$BUILD/replay/$name" "$1" | cmp "$first" -
		GLIBC_TUNABLES=$OLDER_CPU "$BUILD/replay/$name" "$1" | cmp "$first" -
	done
}

@test "replay: the same detections at -O0, -O3, for this CPU, from clang, and on an older CPU" {
	for pattern in $("$BUILD/memgen" --list --json | jq -r ".patterns[].name") \
		"accelerating --curve=exponential --doubling=60s"; do
		# shellcheck disable=SC2086 # pattern and its option
		simulate $pattern >"$BATS_TEST_TMPDIR/samples.jsonl"
		expect_same "$BATS_TEST_TMPDIR/samples.jsonl" 2
	done
}

@test "replay: the same detections for several processes" {
	simulate burst --processes=5 >"$BATS_TEST_TMPDIR/samples.jsonl"
	expect_same "$BATS_TEST_TMPDIR/samples.jsonl" 20
}

@test "replay: the same detections of every golden recording" {
	local recording found=
	for recording in "$ROOT"/tests/golden/*/*samples.jsonl \
		"$ROOT"/tests/golden/*/*/samples.jsonl; do
		expect_same "$recording" 1
		found+=x
	done
	[ ${#found} -ge 10 ]
}

# Others, such as exp, differ by CPU (and would, above, if a recording happened to show it).
@test "replay: of libm only what is exact leads to a detection" {
	local libm name
	libm=$(ldd "$BUILD/replay/gcc-O0" | awk '/libm\.so/ { print $3 }')
	cd "$BATS_TEST_TMPDIR"
	nm -D --defined-only "$libm" | awk '{ sub(/@.*/, "", $3); print $3 }' | sort -u >offered
	nm -D --undefined-only "$BUILD/replay/gcc-O0" | awk '{ sub(/@.*/, "", $2); print $2 }' |
		sort -u >needed
	# sqrt shows that this finds what it looks for.
	comm -12 offered needed | grep -qx sqrt
	for name in $(comm -12 offered needed); do
		[[ " $EXACT_LIBM " == *" $name "* ]] || {
			echo "$name of libm is not exact: make it of lib/exact_math.h"
			return 1
		}
	done
}

@test "replay: the same from a file and from a pipe, and twice" {
	local memgrowth="$BUILD/replay/gcc-O0"
	cd "$BATS_TEST_TMPDIR"
	simulate linear >samples.jsonl
	"$memgrowth" samples.jsonl >file
	"$memgrowth" - <samples.jsonl >pipe
	"$memgrowth" -o output samples.jsonl
	cmp file pipe
	cmp file output
}

@test "replay: a recording that was cut short gives what it still has" {
	cd "$BATS_TEST_TMPDIR"
	simulate linear >samples.jsonl
	head -c -20 samples.jsonl >cut.jsonl
	run --separate-stderr "$BUILD/replay/gcc-O0" cut.jsonl
	[ "$status" -eq 0 ]
	# shellcheck disable=SC2154 # set by run
	[[ $stderr == *"cut.jsonl: the last line was cut short"* ]]
	[[ $output == *'"type":"end"'* ]]
}

@test "replay: a broken recording is refused with its line" {
	cd "$BATS_TEST_TMPDIR"
	{ simulate linear | head -n 5; echo garbage; } >broken.jsonl
	run --separate-stderr "$BUILD/replay/gcc-O0" broken.jsonl
	[ "$status" -eq 1 ]
	[[ $stderr == *"broken.jsonl:6: not JSON"* ]]
	: >empty.jsonl
	run --separate-stderr "$BUILD/replay/gcc-O0" empty.jsonl
	[ "$status" -eq 1 ]
	[[ $stderr == *"empty"* ]]
}
