#!/usr/bin/env bats
# Recordings that are broken or odd, tests/golden/malformed/*.jsonl: each is refused with its line,
# or read with what was left out counted and told, as malformed/expected says. BUILD is the build
# directory.

bats_require_minimum_version 1.5.0

setup() {
	BUILD=${BUILD:-build}
	MEMGROWTH=$(realpath "$BUILD/memgrowth")
	cd "$BATS_TEST_DIRNAME/malformed" || return
}

# case_is NAME CODE MESSAGE SKIPPED
case_is() {
	local code=0 stderr
	"$MEMGROWTH" replay "$1.jsonl" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || code=$?
	stderr=$(<"$BATS_TEST_TMPDIR/err")
	echo "$1: exit code $code; $stderr"
	[ "$code" -eq "$2" ] || return 1
	if [ "$3" = "-" ]; then
		[ -z "$stderr" ] || return 1
	else
		[[ $stderr == *"$1.jsonl$3"* ]] || return 1
	fi
	# What was refused has no end; all else tells what was left out.
	if [ "$code" -ne 0 ]; then
		! grep -q '"type":"end"' "$BATS_TEST_TMPDIR/out"
	else
		[ "$(tail -n 1 "$BATS_TEST_TMPDIR/out" | jq -c .skipped)" = "$4" ]
	fi
}

@test "malformed: each recording has the result that is expected of it" {
	local name code message skipped seen=0
	while IFS=$'\t' read -r name code message skipped; do
		[[ $name != "#"* ]] || continue
		case_is "$name" "$code" "$message" "$skipped"
		seen=$((seen + 1))
	done <expected
	[ "$seen" -eq "$(find . -name '*.jsonl' | wc -l)" ]
}

@test "malformed: a patience out of its bounds is refused by name, value and bounds" {
	local value
	for value in 127s 127999ms 3601s 61min 0 224 -300s soon ""; do
		run "$MEMGROWTH" replay --patience="$value" process-twice.jsonl
		echo "\"$value\": $output"
		[ "$status" -eq 2 ]
		[[ $output == *"--patience=$value: not a time from 128s to 1h"* ]]
	done
	for value in 128s 10min 1h; do
		"$MEMGROWTH" replay --patience="$value" process-twice.jsonl >/dev/null
	done
}

@test "malformed: a recording without its end says so" {
	"$MEMGROWTH" replay ends-in-the-middle.jsonl | tail -n 1 | jq -e '.complete == false'
	"$MEMGROWTH" replay process-twice.jsonl | tail -n 1 | jq -e '.complete == true'
}

# In 100 MiB of address space beside the program's own.
@test "malformed: a line of 1 GB and endless nesting are refused at once, in little memory" {
	ulimit -v 400000
	run bash -c "{ head -n 1 absurd.jsonl; head -c 1G /dev/zero | tr '\0' x; } |
		'$MEMGROWTH' replay - 2>&1 >/dev/null"
	[[ $output == *"-:2: longer than 262144 bytes, so not a record"* ]]
	run bash -c "{ head -n 1 absurd.jsonl; head -c 200000 /dev/zero | tr '\0' '['; echo; } |
		'$MEMGROWTH' replay - 2>&1 >/dev/null"
	[[ $output == *"-:2: not JSON"* ]]
	run bash -c "{ head -n 1 absurd.jsonl; head -c 1G /dev/zero; } |
		'$MEMGROWTH' replay - 2>&1 >/dev/null"
	[[ $output == *"-:2: longer than"* ]]
}

@test "malformed: the table of the ledger tells what was left out too" {
	run --separate-stderr "$MEMGROWTH" ledger memcg-odd.jsonl
	[ "$status" -eq 0 ]
	# shellcheck disable=SC2154 # set by run
	[[ $stderr == *"memcg-odd.jsonl: records left out: 3, the first in line 5:"* ]]
	run --separate-stderr "$MEMGROWTH" ledger wrapped.jsonl
	[ "$status" -eq 1 ]
	[[ $stderr == *"wrapped.jsonl:4: "* ]]
}
