#!/usr/bin/env bats
# That the benchmarks can be taken, by the shortest of each that needs nothing but what is built here.
# What they say is for people, and no test.

load common.bash

setup() {
	require_root
	# What they leave is not to replace figures that somebody has taken.
	OWN=$BATS_TEST_TMPDIR/build
	mkdir -p "$OWN/tests/bench"
	cp "$BUILD/memgrowth" "$OWN"
	cp "$BUILD"/tests/bench/{storm,alternate,hooks,spawns,scale} "$OWN/tests/bench"
	export PYTHONDONTWRITEBYTECODE=1
}

@test "a storm costs something beside the empty program and ours, and the report has it" {
	run "$REPO/tests/bench/storm.py" --build="$OWN" --rounds=5
	[ "$status" -eq 1 ]
	[[ "$output" == *"--rounds=5: below 6 there is no interval"* ]]
	"$REPO/tests/bench/storm.py" --build="$OWN" --rounds=6 --only=ours
	jq -e '[.summary.observers[].key] == ["empty", "ours"] and (.rounds | length == 6) and
		(.summary.none.one.cpu_ns.value > 0)' "$OWN/bench/storm.json"
	"$REPO/tests/bench/sharp.py" --build="$OWN" --rounds=20
	jq -e '.summary | .one.fault_ns > 0 and .all.rounds > 0' "$OWN/bench/sharp.json"
	"$REPO/tests/bench/report.py" --build="$OWN"
	grep -q '^| ours | ' "$OWN/bench/report.md"
}

@test "work is timed alone and watched, and what the kernel counts is accounted for" {
	"$REPO/tests/bench/work.py" --build="$OWN" --blocks=2 --only=spawns --scale=0.2
	jq -e '.summary[0] | .blocks == 6 and .alone_s > 0 and .accounted.programs > 0 and
		.accounted.collector > 0' "$OWN/bench/work.json"
}

@test "one load of the scale benchmark is tracked, and leaves no cgroup" {
	"$OWN/tests/bench/scale" --program "$OWN/memgrowth" --out "$OWN/bench" --processes 20 \
		--cgroups 2 --rounds 1
	jq -e '[.rows[] | select(.mode == "idle") | .tracked >= 20] | length > 0 and all' \
		"$OWN/bench/scale.json"
	[ -z "$(find /sys/fs/cgroup -maxdepth 2 -name 'leaklab-scale-*')" ]
}
