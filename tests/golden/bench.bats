#!/usr/bin/env bats
# What the benchmarks make of their figures; that they can be taken is for `make bench`.

setup() {
	REPO=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	export PYTHONPATH=$REPO/tests/bench PYTHONDONTWRITEBYTECODE=1
}

@test "the interval of a median holds it as often as it says, and is none of too few" {
	python3 - <<-'END'
	import paired, random, statistics
	rng = random.Random(1)
	for n in (6, 15, 30):
	    # Two levels, as of a machine whose speed jumps, and an outlier now and then.
	    draw = lambda: rng.gauss(0, 1) + rng.choice((-2, 2)) + (rng.random() < 0.1) * 50
	    middle = statistics.median(draw() for _ in range(20001))
	    found = [paired.median([draw() for _ in range(n)]) for _ in range(2000)]
	    held = sum(low <= middle <= high for _, low, high in found)
	    assert held >= 0.94 * 2000, (n, held)
	assert paired.median([1, 2, 3, 4, 5]) == (3, None, None)
	assert paired.median([]) == (None, None, None)
	END
}

@test "a ratio is of medians over the same rounds, and unknown when its denominator is" {
	python3 - <<-'END'
	import paired, random
	rng = random.Random(1)
	def rounds(empty):
	    return [{"a": rng.gauss(1.2 * empty, 5), "b": rng.gauss(empty, 5)} for _ in range(30)]
	value, low, high = paired.ratio(rounds(80), lambda r: r["a"], lambda r: r["b"])
	assert low < 1.2 < high and high - low < 0.2, (value, low, high)
	assert paired.ratio(rounds(0), lambda r: r["a"], lambda r: r["b"]) == (None, None, None)
	assert paired.ratio(rounds(80), lambda r: None, lambda r: r["b"]) == (None, None, None)
	assert paired.text(paired.named((None, None, None))) == "unknown"
	END
}

@test "storms on two speeds of the machine are not held against each other" {
	python3 - <<-'END'
	import storm
	fast, slow = {"cpu_ns": 2350}, {"cpu_ns": 2950}
	assert storm.is_matched(fast, {"cpu_ns": 2400}) and not storm.is_matched(fast, slow)
	assert abs(storm.cost(2350 * 1.04, 2350, 2350, 1) - 0.04) < 1e-12
	assert abs(storm.cost(2350 * 1.64, 2350, 2350, 16) - 0.04) < 1e-12
	END
}

@test "a report has what was measured, and the tables go where a document wants them" {
	mkdir -p "$BATS_TEST_TMPDIR/bench"
	cd "$BATS_TEST_TMPDIR"
	run "$REPO/tests/bench/report.py" --build=.
	[ "$status" -eq 1 ]
	[[ "$output" == *"./bench: no benchmark has left anything there; run \`make bench\`"* ]]
	printf '#!/bin/sh\necho memgrowth 1\n' >memgrowth
	chmod +x memgrowth
	printf '| a |\n|---|\n' >bench/storm.md
	echo '{"n": 1}' >bench/storm.json
	echo 'start to tracked' >bench/tracking.txt
	"$REPO/tests/bench/report.py" --build=.
	[ "$(jq '.parts.storm.n' bench/report.json)" -eq 1 ]
	grep -qx 'start to tracked' bench/report.md
	printf '<!-- bench: storm -->\nold\n<!-- end of bench -->\n<!-- bench: work -->\nkept\n<!-- end of bench -->\n' >doc.md
	run "$REPO/tests/bench/report.py" --build=. --write=doc.md
	[ "$output" = "doc.md: 1 of 2 tables written; not measured: work" ]
	diff - doc.md <<-'END'
	<!-- bench: storm -->
	| a |
	|---|
	<!-- end of bench -->
	<!-- bench: work -->
	kept
	<!-- end of bench -->
	END
}
