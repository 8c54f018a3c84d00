#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What waiting buys: the leak tier at several values of memgrowth's --patience, over the same runs.
#
# usage: tests/accuracy/patience.sh BUILD DIR
#   prints a table in Markdown; DIR gets patience.jsonl, what was judged
# environment: PATIENCES (values of --patience, default "128s 224s 450s 900s"), PATIENCE_RUNS (of
#   each class, default 40), PATIENCE_FIRST (tune seed of the first, default 40001)
# exit codes: 0 done, 2 usage, 3 broken, 130 interrupted
set -u
cd "$(dirname "$0")/../.." || exit 3

: "${PATIENCES:=128s 224s 450s 900s}" "${PATIENCE_RUNS:=40}" "${PATIENCE_FIRST:=40001}"
SLOW='warmup-linear-slow cache-slow sawtooth-slow sine-slow daily'
LASTING='linear-100K linear-1M gcleak-100K burst late'

die() {
	printf 'patience: %s\n' "$2" >&2
	exit "$1"
}

whole() { # NAME VALUE
	case $2 in
	'' | *[!0-9]* | 0) die 2 "$1=$2: must be a whole number from 1" ;;
	esac
}

# A build in the meantime must not change what is compared.
keep_programs() {
	local name
	mkdir -p "$dir/programs" || exit 3
	for name in memgen memgrowth leaklab; do
		[ -x "$build/$name" ] || die 2 "$build/$name: no such program: run make programs first"
		cp "$build/$name" "$dir/programs/" || exit 3
	done
}

# Each patience is a detector of its own over the same samples. A value that memgrowth refuses is
# told before the runs rather than after them.
judge() {
	local options=() value class code=0
	for value in $PATIENCES; do
		"$dir/programs/memgrowth" replay --patience="$value" --help > /dev/null ||
			die 2 "PATIENCES: \"$value\" is no patience"
		options+=(--detector "$value=$dir/programs/memgrowth replay --patience $value -")
	done
	[ ${#options[@]} -gt 0 ] || die 2 'PATIENCES: must name one time at least'
	for class in $SLOW stops $LASTING; do
		options+=(--class "$class")
	done
	"$dir/programs/leaklab" simulate --quiet --seeds tune --runs "$PATIENCE_RUNS" \
		--first "$PATIENCE_FIRST" --output "$dir/patience.jsonl" "${options[@]}" || code=$?
	case $code in
	0) ;;
	2 | 130) exit "$code" ;;
	*) die 3 "leaklab simulate: exit code $code" ;;
	esac
	[ "$(jq -s 'any(.[]; .broken)' "$dir/patience.jsonl")" = false ] ||
		die 3 "$dir/patience.jsonl: a run is broken"
}

# A share is in percent of the units, as in docs/scoring.md; a latency is that of a leak that was
# found.
table() {
	jq -rs --arg slow "$SLOW" --arg lasting "$LASTING" --arg patiences "$PATIENCES" '
		def share(good): if length == 0 then "-"
			else 100 * (map(select(good)) | length) / length |
				"\(. * 10 | round / 10) %" end;
		def median: sort | if length == 0 then "-"
			else (.[(length - 1) / 2 | floor] + .[length / 2 | floor]) / 2 |
				"\(round) s" end;
		def row: "| " + join(" | ") + " |";
		def words: split(" ") | map(select(. != ""));
		map(select(.type == "unit")) as $units | ($slow | words) as $slow |
		($lasting | words) as $lasting |
		(["patience"] + ($slow | map("FPR `\(.)`")) +
			["TPR `stops`", "TPR of lasting leaks", "their median latency"] |
			row, (map("---") | row)),
		($patiences | words[] as $patience |
			($units | map(select(.detector == $patience))) as $of |
			[$patience] +
			($slow | map(. as $class | $of | map(select(.class == $class)) |
				share(.leak.false_alarms > 0))) +
			[($of | map(select(.class == "stops")) | share(.leak.found_s != null))] +
			($of | map(select(.class | IN($lasting[]))) |
				[share(.leak.found_s != null),
				 (map(.leak.found_s | values) | median)]) | row)
		' "$dir/patience.jsonl"
}

[ $# -eq 2 ] || die 2 'usage: tests/accuracy/patience.sh BUILD DIR'
build=$1
dir=$2
whole PATIENCE_RUNS "$PATIENCE_RUNS"
whole PATIENCE_FIRST "$PATIENCE_FIRST"
keep_programs
judge
table
