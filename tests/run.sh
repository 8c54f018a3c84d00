#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs the tests and counts them. The last line is "N passed, N failed, N skipped", alone; the exit
# code is 0 only when nothing failed and nothing was skipped that tests/expected-skips does not
# list. Everything that a test printed is kept under BUILD/tests/log/ and shown when it failed.
#
# usage: tests/run.sh [--build DIR] PART...
#   unit        unit tests                        asan   the same with ASan and UBSan, built here
#   valgrind    the same under Valgrind           clang  everything that clang can build, no warning
#   wall        who may include whom              shellcheck  all scripts and bats files
#   golden      the same detections from every compiler; odd recordings
#   fuzz        the fuzzing targets over their corpus, without fuzzing
#   bpf         tests/bpf: needs root             e2e    tests/e2e: needs root and podman
set -u
cd "$(dirname "$0")/.." || exit 3

build=build
passed=0 failed=0 skipped=0 unexpected=0
declare -A reported=()

say() { printf '%s\n' "$*"; }

# A result that does not come from TAP: result ok|fail NAME [LOG]
result() {
	if [ "$1" = ok ]; then
		passed=$((passed + 1))
		say "ok    $2"
	else
		failed=$((failed + 1))
		say "FAIL  $2"
		[ -z "${3:-}" ] || sed 's/^/      | /' "$3"
	fi
}

# skip SUITE NAME WHY
skip() {
	skipped=$((skipped + 1))
	if grep -qxF "$1: $2" tests/expected-skips; then
		say "skip  $1: $2 ($3)"
	else
		unexpected=$((unexpected + 1))
		say "SKIP  $1: $2 ($3): not in tests/expected-skips"
	fi
}

# Counts the TAP of one suite: tally SUITE LOG EXIT
tally() {
	local suite=$1 log=$2 code=$3 plan=0 seen=0 good=0 bad=0 line name why

	while IFS= read -r line; do
		if [[ $line =~ ^1\.\.([0-9]+) ]]; then
			plan=$((plan + BASH_REMATCH[1]))
		elif [[ $line =~ ^(not\ )?ok\ ([0-9]+)(.*) ]]; then
			seen=$((seen + 1))
			name=${BASH_REMATCH[3]# }
			name=${name#- }
			if [[ $name =~ ^(.*)\#\ (SKIP|skip)(.*)$ ]]; then
				name=${BASH_REMATCH[1]% }
				why=${BASH_REMATCH[3]# }
				skip "$suite" "${name:-$why}" "$why"
			elif [[ $line == not* ]]; then
				bad=$((bad + 1))
				say "FAIL  $suite: $name"
			else
				good=$((good + 1))
			fi
		fi
	done < "$log"
	passed=$((passed + good))
	if [ "$seen" -ne "$plan" ] || [ "$plan" -eq 0 ]; then
		bad=$((bad + 1))
		say "FAIL  $suite: $seen results of $plan planned, exit code $code"
	elif [ "$code" -ne 0 ] && [ "$bad" -eq 0 ]; then
		bad=$((bad + 1))
		say "FAIL  $suite: exit code $code though every test passed"
	fi
	failed=$((failed + bad))
	if [ "$bad" -eq 0 ]; then
		say "ok    $suite ($good)"
	else
		sed 's/^/      | /' "$log" "${log%.tap}.err"
		say "      the output is in $log and ${log%.tap}.err"
	fi
}

# Runs a program that prints TAP: tap SUITE SECONDS COMMAND...
tap() {
	local suite=$1 limit=$2 code=0 log
	shift 2
	# Two files of one name would share a log.
	reported[$suite]=$((${reported[$suite]:-0} + 1))
	log=$logs/$(printf '%s' "$suite-${reported[$suite]}" | tr -c 'A-Za-z0-9.-' '_').tap
	CMOCKA_MESSAGE_OUTPUT=TAP timeout --kill-after=10 "$limit" "$@" \
		> "$log" 2> "${log%.tap}.err" < /dev/null || code=$?
	tally "$suite" "$log" "$code"
}

# Makes something as a test of its own: built NAME MAKE-ARGUMENT...; fails on any warning.
built() {
	local name=$1 log=$logs/$1.log
	shift
	if MAKEFLAGS='' make --no-print-directory -j "$(nproc)" "$@" > "$log" 2>&1 &&
		! grep -q 'warning:' "$log"; then
		result ok "$name"
	else
		result fail "$name" "$log"
		return 1
	fi
}

unit_tests() { # SUITE BUILD SECONDS [WRAPPER...]
	local suite=$1 dir=$2 limit=$3 source program found=
	shift 3
	for source in tests/unit/test_*.c; do
		program=$dir/tests/unit/$(basename "$source" .c)
		found=1
		tap "$suite/$(basename "$program")" "$limit" "$@" "$program"
	done
	[ -n "$found" ] || result fail "$suite: no unit test found"
}

part_unit() {
	built build-unit "BUILD=$build" unit-tests && unit_tests unit "$build" 120
}

part_asan() {
	built build-asan "BUILD=$build/asan" "SANITIZE=-fsanitize=address,undefined \
-fno-sanitize-recover=all -fno-omit-frame-pointer" unit-tests || return
	ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1 \
		unit_tests asan "$build/asan" 300
}

part_valgrind() {
	built build-valgrind "BUILD=$build" unit-tests || return
	unit_tests valgrind "$build" 600 valgrind --quiet --error-exitcode=99 --leak-check=full \
		--errors-for-leak-kinds=definite,indirect,possible --child-silent-after-fork=yes
}

part_clang() {
	built build-clang "BUILD=$build/clang" CC=clang unit-tests programs
}

part_shellcheck() {
	local file log=$logs/shellcheck.log
	while IFS= read -r file; do
		if shellcheck --external-sources "$file" > "$log" 2>&1; then
			result ok "shellcheck $file"
		else
			result fail "shellcheck $file" "$log"
		fi
	done < <({ git ls-files '*.sh' '*.bats' '*.bash'
		git ls-files | grep -vE '\.[a-z0-9]+$' | xargs -r grep -lE '^#!/bin/(ba)?sh'
	} | sort -u)
}

part_wall() {
	local log=$logs/wall.log
	tap wall/self-test 60 tests/include-wall-test.sh
	if tests/include-wall.sh > "$log" 2>&1; then
		result ok "wall/tree"
	else
		result fail "wall/tree" "$log"
	fi
}

# Scripts and bats files of a folder, and programs made of its test_*.c: folder SUITE DIR
folder() {
	local suite=$1 dir=$2 file found=
	for file in "$dir"/test_*.c "$dir"/test_*.sh "$dir"/*.bats; do
		[ -e "$file" ] || continue
		found=1
		case $file in
		*.c) tap "$suite/$(basename "$file" .c)" 300 "$build/${file%.c}" ;;
		*.sh) tap "$suite/$(basename "$file")" 600 "$file" ;;
		*.bats) tap "$suite/$(basename "$file")" 1200 bats --formatter tap "$file" ;;
		esac
	done
	[ -n "$found" ] || result fail "$suite: no test found in $dir"
}

part_fuzz() {
	local target
	built build-fuzz "BUILD=$build" FUZZ_TARGETS="replay detect forecast" fuzz-programs || return
	for target in replay detect forecast; do
		if "$build/fuzz/fuzz_$target" -runs=0 -timeout=10 "tests/fuzz/corpus/$target" \
			> "$logs/fuzz-$target.log" 2>&1; then
			result ok "fuzz/$target"
		else
			result fail "fuzz/$target" "$logs/fuzz-$target.log"
		fi
	done
}

part_golden() { folder golden tests/golden; }
part_bpf() { folder bpf tests/bpf; }
part_e2e() { folder e2e tests/e2e; }

parts=()
while [ $# -gt 0 ]; do
	case $1 in
	--build)
		build=${2:?--build needs a directory}
		shift
		;;
	unit | asan | valgrind | clang | shellcheck | wall | golden | fuzz | bpf | e2e) parts+=("$1") ;;
	*)
		say "tests/run.sh: $1: must be one of unit asan valgrind clang shellcheck wall golden fuzz bpf e2e" >&2
		exit 2
		;;
	esac
	shift
done
[ ${#parts[@]} -gt 0 ] || parts=(unit asan valgrind clang shellcheck wall)

logs=$build/tests/log
mkdir -p "$logs" || exit 3
export BUILD=$build
for part in "${parts[@]}"; do
	say "--- $part"
	started=$SECONDS
	"part_$part"
	say "--- $part: $((SECONDS - started)) s"
done
[ "$unexpected" -eq 0 ] || say "$unexpected skipped without being expected"
say "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$unexpected" -eq 0 ] && [ "$passed" -gt 0 ]
