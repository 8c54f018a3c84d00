#!/usr/bin/env bats
# The whole way once, as a user goes it: scenario, containers, collector, score, report; then other
# detectors over the same recording.

load common.bash

setup() {
	require_root
	make_bin
}

teardown() {
	keep_run_on_failure
	expect_nothing_left
}

@test "smoke runs from the scenario to the report, and tells detectors apart" {
	run "$BIN/leaklab" run "$REPO/scenarios/smoke.yaml" --runs "$RUNS"
	[ "$status" -eq 0 ]
	[[ "$output" == *"verdict PASS"* ]]
	RUN=$(echo "$RUNS"/*)
	for file in run.json samples.jsonl detections.jsonl score.json report.json report.md junit.xml; do
		[ -s "$RUN/$file" ]
	done
	jq -e '.summary.growing.tpr.k == 1 and .summary.growing.benign[0].fpr.k == 0' "$RUN/score.json"
	jq -e '[.alarms[] | select(.instance != null) | .attributed] | length > 0 and all' \
		"$RUN/score.json"
	jq -e '.kernel and .collector_max_rss_bytes > 0 and .records_lost == 0' "$RUN/report.json"

	# Replayed, the detector says what it said live.
	"$BIN/memgrowth" replay "$RUN/samples.jsonl" | cmp - "$RUN/detections.jsonl"

	run "$BIN/leaklab" score --detector "$REPO/tests/golden/detectors/blind.sh" "$RUN"
	[ "$status" -eq 1 ]
	[[ "$output" == *"TPR 0/1"*"verdict FAIL"* ]]
	run "$BIN/leaklab" score --detector "$REPO/tests/golden/detectors/always-on.sh" "$RUN"
	[ "$status" -eq 1 ]
	[[ "$output" == *"FPR 1/1"* ]]

	# The report of a CI run, for whoever wants to look at it.
	mkdir -p "$BUILD/tests"
	rm -rf "$BUILD/tests/smoke-run"
	cp -r "$RUN" "$BUILD/tests/smoke-run"
}
