#!/usr/bin/env bats
# leaklab list and validate: need neither root nor podman.

# What the helpers of common.bash read.
# shellcheck disable=SC2034

load common.bash

setup() {
	make_bin
}

# invalid WORDS: the scenario on stdin is refused with these words after file and line.
invalid() {
	SCENARIO=$BATS_TEST_TMPDIR/bad.yaml
	cat >"$SCENARIO"
	run "$BIN/leaklab" validate "$SCENARIO"
	[ "$status" -eq 2 ]
	said=$output
	expect_words "$SCENARIO:$1"
}

@test "every scenario that comes with the lab is valid" {
	run "$BIN/leaklab" validate "$REPO"/scenarios/*.yaml
	[ "$status" -eq 0 ]
}

@test "list tells the scenarios, and as JSON" {
	cd "$REPO"
	run "$BIN/leaklab" list
	[ "$status" -eq 0 ]
	said=$output
	expect_words "burst"
	duration=$(sed -n 's/^duration: \([0-9]*\)s$/\1/p' scenarios/burst.yaml)
	"$BIN/leaklab" list --json |
		jq -e --argjson s "$duration" 'map(select(.name == "burst"))[0].duration_s == $s'
}

@test "a scenario that is not there lists those that are" {
	cd "$REPO"
	run "$BIN/leaklab" validate nosuch
	[ "$status" -eq 2 ]
	said=$output
	expect_words "nosuch: no such scenario (there are: accelerating, "
}

@test "an unknown pattern" {
	invalid "5: x: pattern: " <<-'END'
	name: bad
	duration: 5s
	workloads:
	  - name: x
	    pattern: liner
	    memory: 64MiB
	END
}

@test "an option that the pattern does not take, and a rate of 0" {
	invalid '6: x: args: --rate=0' <<-'END'
	name: bad
	duration: 5s
	workloads:
	  - name: x
	    pattern: linear
	    args: [--rate=0]
	    memory: 64MiB
	END
}

@test "a limit smaller than the workload needs tells how much it needs" {
	invalid '7: x: memory: "64MiB": a limit smaller than the workload needs: it holds 102 MiB' <<-'END'
	name: bad
	duration: 5s
	workloads:
	  - name: x
	    pattern: steady
	    args: [--size=100MiB, --start-delay=0]
	    memory: 64MiB
	END
	expect_words "give at least 110MiB, or say expect: oom"
	sed -i 's/64MiB/110MiB/' "$SCENARIO"
	run "$BIN/leaklab" validate "$SCENARIO"
	[ "$status" -eq 0 ]
}

@test "a limit that is never reached, where an OOM is expected" {
	invalid '6: x: memory: "64MiB": never reached' <<-'END'
	name: bad
	duration: 5s
	workloads:
	  - name: x
	    pattern: steady
	    memory: 64MiB
	    args: [--size=1MiB, --start-delay=0]
	    expect: oom
	END
}

@test "the command line: unknown commands, options and values" {
	run "$BIN/leaklab" nosuch
	[ "$status" -eq 2 ]
	run "$BIN/leaklab" list --nosuch
	[ "$status" -eq 2 ]
	run "$BIN/leaklab" run
	[ "$status" -eq 2 ]
	run "$BIN/leaklab" run burst --seed=-1
	[ "$status" -eq 2 ]
	run "$BIN/leaklab" run burst --duration=0
	[ "$status" -eq 2 ]
	run "$BIN/leaklab"
	[ "$status" -eq 2 ]
	run "$BIN/leaklab" --help
	[ "$status" -eq 0 ]
	run "$BIN/leaklab" run -h
	[ "$status" -eq 0 ]
	[[ $output == Usage:* ]]
}
