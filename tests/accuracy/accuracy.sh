#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Simulates, runs and judges for the goals; docs/accuracy.md says how and why.
#
# usage: tests/accuracy/accuracy.sh gate|calibrate|small BUILD DIR
#   gate       sealed seeds and, with LIVE=1, live runs: table, report and leaderboard into DIR
#   calibrate  calibrate seeds: collector/detect/calibration.h
#   small      a few tune seeds against tests/accuracy/small.json
# environment: RUNS_BENIGN RUNS_LEAK (runs of each class), LIVE=0|1, SEED (of the live runs),
#   BASELINES=all|none|NAME,... (detectors beside ours) over the first RUNS_COMPARE of each class
# exit codes: 0 reached, 1 a goal is not reached, 2 usage, 3 broken
set -u
cd "$(dirname "$0")/../.." || exit 3

: "${RUNS_BENIGN:=628}" "${RUNS_LEAK:=124}" "${LIVE:=1}" "${SEED:=1}" "${BASELINES:=all}"
: "${RUNS_COMPARE:=30}"
KNOWN=scenarios/simulated/known-misses.yaml
LIVE_SCENARIOS='accuracy-leaks accuracy-benign accuracy-hard accuracy-fast'
SMALL=tests/accuracy/small.json

die() {
	printf 'accuracy: %s\n' "$2" >&2
	exit "$1"
}

say() {
	printf 'accuracy: %s\n' "$*" >&2
}

whole() { # NAME VALUE
	case $2 in
	'' | *[!0-9]* | 0) die 2 "$1=$2: must be a whole number from 1" ;;
	esac
}

# A build in the meantime must not change what is measured.
keep_programs() { # BUILD
	local name
	mkdir -p "$dir/programs" || exit 3
	for name in memgen memgrowth leaklab; do
		[ -x "$1/$name" ] || die 2 "$1/$name: no such program: run make programs first"
		cp "$1/$name" "$dir/programs/" || exit 3
	done
}

# The classes of a truth, as options of simulate: a class with a leak in it is one of leaks. One run
# of each tells; it is of a tune seed, for the others are not to be looked at.
classes() { # leak|benign
	jq -r --arg want "$1" -n '
		[inputs | select(.type == "unit") | {class, leak: (.truth == "leak")}] |
		group_by(.class) | map({class: .[0].class, leak: any(.leak)}) | .[] |
		select(.leak == ($want == "leak")) | "--class=\(.class)"' "$dir/classes.jsonl"
}

list_classes() {
	"$leaklab" simulate --quiet --seeds tune --runs 1 --output "$dir/classes.jsonl" ||
		die 3 "leaklab simulate: exit code $?"
	mapfile -t leaks < <(classes leak)
	mapfile -t benign < <(classes benign)
	if [ ${#leaks[@]} -eq 0 ] || [ ${#benign[@]} -eq 0 ]; then
		die 3 "$dir/classes.jsonl: leaks and healthy classes are both needed"
	fi
}

# simulate OUTPUT RUNS OPTION...
simulate() {
	local output=$1 runs=$2 began=$SECONDS code=0
	shift 2
	"$leaklab" simulate --quiet --runs "$runs" --output "$output" "$@" || code=$?
	case $code in
	0) say "$output: $((SECONDS - began)) s" ;;
	2 | 130) exit "$code" ;;
	*) die 3 "leaklab simulate: exit code $code" ;;
	esac
}

# A run that broke is judged like the others: its units are counted as broken in the table.
live() {
	local scenario code before
	rm -rf "$dir/runs"
	for scenario in $LIVE_SCENARIOS; do
		code=0
		"$leaklab" run "$scenario" --seed "$SEED" --runs "$dir/runs" \
			> "$dir/$scenario.txt" || code=$?
		case $code in
		0 | 1) ;;
		130) exit 130 ;;
		*) say "$scenario: exit code $code; see $dir/$scenario.txt" ;;
		esac
		before=("$dir"/runs/*-"$scenario"-*)
		[ -d "${before[0]}" ] || die 3 "$scenario: no run directory was made"
	done
}

# The leaderboard: a few runs of each class are enough to tell rules apart that are hours long.
leaderboard() {
	simulate "$dir/compare.jsonl" "$RUNS_COMPARE" --seeds sealed --gate \
		--baselines "$BASELINES" "${leaks[@]}" "${benign[@]}"
	"$leaklab" compare "$dir/compare.jsonl" > "$dir/leaderboard.txt" ||
		die 3 "leaklab compare: exit code $?"
}

gate() {
	local code=0 inputs=("$dir/leaks.jsonl" "$dir/benign.jsonl")
	list_classes
	simulate "$dir/leaks.jsonl" "$RUNS_LEAK" --seeds sealed --gate "${leaks[@]}"
	simulate "$dir/benign.jsonl" "$RUNS_BENIGN" --seeds sealed --gate "${benign[@]}"
	[ "$BASELINES" = none ] || leaderboard
	if [ "$LIVE" = 1 ]; then
		live
		inputs+=("$dir"/runs/*)
	fi
	"$leaklab" accuracy --known "$KNOWN" --json --output "$dir/accuracy.json" "${inputs[@]}" ||
		code=$?
	[ "$code" -le 1 ] || exit "$code"
	"$leaklab" accuracy --known "$KNOWN" --markdown --output "$dir/accuracy.md" "${inputs[@]}"
	"$leaklab" accuracy --known "$KNOWN" --junit --output "$dir/junit.xml" "${inputs[@]}"
	"$leaklab" accuracy --known "$KNOWN" "${inputs[@]}" | tee "$dir/accuracy.txt"
	say "report: $dir"
	return "$code"
}

# With the same mix of classes as the gate, for a confidence is a share among all alarms.
calibrate() {
	list_classes
	simulate "$dir/calibrate-leaks.jsonl" "$RUNS_LEAK" --seeds calibrate "${leaks[@]}"
	simulate "$dir/calibrate-benign.jsonl" "$RUNS_BENIGN" --seeds calibrate "${benign[@]}"
	"$leaklab" calibrate --output collector/detect/calibration.h \
		"$dir/calibrate-leaks.jsonl" "$dir/calibrate-benign.jsonl" || exit 3
	say "collector/detect/calibration.h was written"
}

# Each bound of small.json with what was measured; one line each, "ok" or "MISSED" in front.
small() {
	local code=0
	simulate "$dir/small.jsonl" "$(jq .runs "$SMALL")" --seeds tune \
		--first "$(jq .first "$SMALL")"
	"$leaklab" accuracy --json --output "$dir/small.json" "$dir/small.jsonl" || code=$?
	[ "$code" -le 1 ] || exit "$code"
	jq -r --slurpfile got "$dir/small.json" '
		.bounds[] | . as $want |
		([$got[0].rows[] | select(.row == $want.row and .class == $want.class)][0]) as $row |
		$row.simulated.measured as $is |
		(if ($is | type) != "number" then false
		 elif .min != null then $is >= .min else $is <= .max end) as $good |
		"\(if $good then "ok    " else "MISSED" end) \(.row) \(.class // "")" +
		": \($is), bound \(if .min != null then ">= \(.min)" else "<= \(.max)" end)"
		' "$SMALL" | tee "$dir/small.txt"
	[ -s "$dir/small.txt" ] || die 3 "$SMALL: no bounds"
	! grep -q '^MISSED' "$dir/small.txt"
}

[ $# -eq 3 ] || die 2 'usage: tests/accuracy/accuracy.sh gate|calibrate|small BUILD DIR'
dir=$3
leaklab=$dir/programs/leaklab
whole RUNS_BENIGN "$RUNS_BENIGN"
whole RUNS_LEAK "$RUNS_LEAK"
whole RUNS_COMPARE "$RUNS_COMPARE"
case $LIVE in 0 | 1) ;; *) die 2 "LIVE=$LIVE: must be 0 or 1" ;; esac
keep_programs "$2"
case $1 in
gate | calibrate | small) "$1" ;;
*) die 2 "$1: must be gate, calibrate or small" ;;
esac
