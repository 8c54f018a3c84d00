#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# leaklab accuracy and calibrate as commands: over made-up units of detectors whose verdict is known,
# and over a small simulation of ours.

bats_require_minimum_version 1.5.0

setup() {
	REPO=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	BUILD=${BUILD:-build}
	[[ $BUILD == /* ]] || BUILD=$REPO/$BUILD
	LEAKLAB=$BUILD/leaklab
	cd "$BATS_TEST_TMPDIR" || return 1
}

# judged KIND: units of a detector that is perfect, blind or always on
judged() {
	jq -nc --arg kind "$1" -f "$BATS_TEST_DIRNAME/accuracy/judged.jq" > "$1.jsonl"
}

last_line() {
	printf '%s\n' "${lines[-1]}"
}

@test "the perfect detector passes, live units being too few is no failure" {
	judged perfect
	run --separate-stderr "$LEAKLAB" accuracy perfect.jsonl
	[ "$status" -eq 0 ]
	[[ $(last_line) == "verdict PASS: "* ]]
	[[ $output == *"SHORT, needs 59"* ]]
	[[ $output == *"not measured here: make bench"* ]]
}

@test "the blind and the always-on detector fail" {
	for kind in blind always; do
		judged "$kind"
		run --separate-stderr "$LEAKLAB" accuracy "$kind.jsonl"
		[ "$status" -eq 1 ]
		[[ $(last_line) == "verdict FAIL: "* ]]
	done
}

@test "JSON, Markdown and JUnit say the same" {
	judged always
	run -1 "$LEAKLAB" accuracy --json --output a.json always.jsonl
	[ "$(jq -r .verdict a.json)" = FAIL ]
	[ "$(jq -r '.rows[] | select(.row == "leak.fpr" and .class == "sine") |
		.simulated | "\(.n) \(.measured) \(.verdict)"' a.json)" = "300 1 MISSED" ]
	run -1 "$LEAKLAB" accuracy --markdown always.jsonl
	[[ $output == *"Verdict **FAIL**"* ]]
	run -1 "$LEAKLAB" accuracy --junit always.jsonl
	[ "$(grep -c '<failure' <<< "$output")" -eq \
		"$(sed -n 's/.*failures="\([0-9]*\)".*/\1/p' <<< "$output")" ]
}

@test "a known miss does not fail the gate, a worse one does" {
	judged perfect
	jq -c 'if .class == "burst" and .seed < 1000010 then .leak.found_s = null else . end' \
		perfect.jsonl > some.jsonl
	cat > known.yaml <<-'END'
	misses:
	  - {row: leak.tpr, class: burst, source: simulated, bound: 0.8, reason: bursts are hard}
	  - {row: B8, source: simulated, bound: 0.9, reason: bursts are hard}
	END
	run -1 "$LEAKLAB" accuracy some.jsonl
	run -0 "$LEAKLAB" accuracy --known known.yaml some.jsonl
	[[ $output == *"MISSED (known)"*"known: bursts are hard"* ]]
	sed -i 's/bound: 0.8/bound: 0.9/' known.yaml
	run -1 "$LEAKLAB" accuracy --known known.yaml some.jsonl
	[[ $output == *"worse than the known miss"* ]]
}

@test "what is wrong with the list of known misses is said with its line" {
	judged perfect
	printf 'misses:\n  - {row: leak.tpr, class: a, source: both, bound: 1, reason: x}\n' > k.yaml
	run -2 "$LEAKLAB" accuracy --known k.yaml perfect.jsonl
	[[ $output == *'k.yaml:2: misses[0].source: "both": must be simulated or live'* ]]
	printf 'misses:\n  - {row: leak.tpt, class: a, bound: 1, reason: x}\n' > k.yaml
	run -2 "$LEAKLAB" accuracy --known k.yaml perfect.jsonl
	[[ $output == *'"leak.tpt"'*"no such row"* ]]
	printf 'misses:\n  - {row: leak.tpr, bound: 1, reason: x}\n' > k.yaml
	run -2 "$LEAKLAB" accuracy --known k.yaml perfect.jsonl
	[[ $output == *"without a class"* ]]
	printf 'misses:\n  - {row: B8, bound: much, reason: x}\n' > k.yaml
	run -2 "$LEAKLAB" accuracy --known k.yaml perfect.jsonl
	[[ $output == *"k.yaml:2: "* ]]
	printf 'misses:\n  - {row: B8, bound: nan, reason: " "}\n' > k.yaml
	run -2 "$LEAKLAB" accuracy --known k.yaml perfect.jsonl
	[[ $output == *"k.yaml:2: misses[0].reason: empty"* ]]
	[[ $output == *"k.yaml:2: misses[0].bound: nan: must be a number"* ]]
	run -2 "$LEAKLAB" accuracy --known none.yaml perfect.jsonl
	[[ $output == *"none.yaml"* ]]
}

@test "bad input: the message names the thing" {
	judged perfect
	run -2 "$LEAKLAB" accuracy
	run -2 "$LEAKLAB" accuracy --json --junit perfect.jsonl
	run -2 "$LEAKLAB" accuracy none.jsonl
	[[ $output == *"none.jsonl: No such file"* ]]
	run -2 "$LEAKLAB" accuracy --detector=mine perfect.jsonl
	[[ $output == *"--detector=mine: must be one of those judged: perfect"* ]]
	run -2 "$LEAKLAB" accuracy perfect.jsonl perfect.jsonl
	[[ $output == *"judged twice"* ]]
	head -c 700 perfect.jsonl > cut.jsonl
	run -3 "$LEAKLAB" accuracy cut.jsonl
	[[ $output == *"cut.jsonl:2: "* ]]
	head -n 1 perfect.jsonl > empty.jsonl
	run -2 "$LEAKLAB" accuracy empty.jsonl
	[[ $output == *"no unit was judged"* ]]
	jq -c 'if .type == "unit" then .broken = "late" else . end' perfect.jsonl > broken.jsonl
	run -3 "$LEAKLAB" accuracy broken.jsonl
	[[ $output == *"units are broken, the first by: late"* ]]
	run -3 "$LEAKLAB" accuracy --output /nowhere/x perfect.jsonl
}

@test "run directories are judged on the way" {
	run -1 "$LEAKLAB" accuracy --json "$REPO/tests/golden/runs/oracle"
	[ "$(jq '.live.units' <<< "$output")" -gt 0 ]
	[ "$(jq '.simulated.units' <<< "$output")" -eq 0 ]
}

# Scores 0 to 20, right above 10: the table must go from hardly ever to nearly always.
calibrate_units() {
	judged always
	jq -c --argjson first "$1" 'if .type == "unit" then
		.seed = $first + (.seed % 100000) | .run = "\(.class)-\(.source)-\(.seed)" |
		(.seed % 21) as $score |
		.growing.first = {right: ($score > 10), confidence: 0.5, score: $score} |
		.leak.first = .growing.first
		else . end' always.jsonl > calibrate.jsonl
}

@test "calibrate makes a header that compiles, the same each time" {
	calibrate_units 100000
	run -0 "$LEAKLAB" calibrate --output one.h calibrate.jsonl
	run -0 --separate-stderr "$LEAKLAB" calibrate calibrate.jsonl
	diff one.h - <<< "$output"
	grep -q 'seeds 10[0-9]* to 10[0-9]*' one.h
	cat > use.c <<-'END'
	#include "one.h"
	int main(void)
	{
		unsigned long n = sizeof(calibration_leak) / sizeof(calibration_leak[0]);

		return !(calibration_growing[0].confidence < 0.1 &&
			 calibration_leak[n - 1].confidence > 0.9);
	}
	END
	cc -std=gnu17 -Wall -Wextra -Werror -o use use.c
	./use
}

@test "calibrate refuses seeds that are not for it, and too few alarms" {
	calibrate_units 200000
	run -2 "$LEAKLAB" calibrate calibrate.jsonl
	[[ $output == *"must be of the calibrate seeds"* ]]
	calibrate_units 100000
	head -n 15 calibrate.jsonl > few.jsonl
	run -3 "$LEAKLAB" calibrate few.jsonl
	[[ $output == *"at least 20"* ]]
	jq -c 'if .type == "unit" then .leak.first.score = null else . end' calibrate.jsonl > none.jsonl
	run -3 "$LEAKLAB" calibrate none.jsonl
	[[ $output == *"leak: 0 first alarms with a score"* ]]
	run -2 "$LEAKLAB" calibrate
}

@test "the detector of this tree holds the bounds of tests/accuracy/small.json" {
	run "$REPO/tests/accuracy/accuracy.sh" small "$BUILD" "$BATS_TEST_TMPDIR/small"
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(grep -c '^ok ' small/small.txt)" -eq \
		"$(jq '.bounds | length' "$REPO/tests/accuracy/small.json")" ]
}

@test "accuracy.sh refuses what it cannot do" {
	local script=$REPO/tests/accuracy/accuracy.sh
	run -2 "$script"
	run -2 "$script" large "$BUILD" d
	run -2 env RUNS_LEAK=0 "$script" small "$BUILD" d
	[[ $output == *"RUNS_LEAK=0"* ]]
	run -2 env LIVE=yes "$script" small "$BUILD" d
	run -2 "$script" small /nowhere d
}

@test "patience.sh: a row for each patience, and what it cannot do is refused" {
	cd "$REPO" || return 1
	PATIENCES="128s 900s" PATIENCE_RUNS=1 run --separate-stderr \
		tests/accuracy/patience.sh "$BUILD" "$BATS_TEST_TMPDIR/patience"
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 4 ]
	[[ ${lines[2]} == "| 128s | "*" % | "*" s |" ]]
	[[ ${lines[3]} == "| 900s | "*" % | "*" s |" ]]
	[ "$(printf '%s\n' "${lines[@]}" | tr -dc '|\n' | sort -u)" = "||||||||||" ]
	PATIENCES="224s 5s" run tests/accuracy/patience.sh "$BUILD" "$BATS_TEST_TMPDIR/patience"
	[ "$status" -eq 2 ]
	[[ $output == *"--patience=5s: not a time from 128s to 1h"* ]]
	PATIENCE_RUNS=0 run tests/accuracy/patience.sh "$BUILD" "$BATS_TEST_TMPDIR/patience"
	[ "$status" -eq 2 ]
	[[ $output == *"PATIENCE_RUNS=0"* ]]
}

@test "the nightly workflow is YAML, runs the gate and keeps its report" {
	local file=$REPO/.github/workflows/nightly.yaml
	python3 - "$file" > nightly.json <<-'END'
	import json, sys, yaml
	json.dump(yaml.safe_load(open(sys.argv[1])), sys.stdout, default=str)
	END
	jq -e '.jobs.accuracy.steps | map(.run // "") | any(contains("make accuracy"))' nightly.json
	jq -e '.jobs.accuracy.steps | map(.with.path // "") | any(contains("accuracy.json"))' \
		nightly.json
	# What the gate says decides: no step goes on regardless.
	run ! grep -q 'continue-on-error' "$file"
	# Each step that is a script is one that shellcheck accepts.
	jq -r '.jobs.accuracy.steps[].run // empty' nightly.json > steps.sh
	shellcheck --shell=bash steps.sh
}
