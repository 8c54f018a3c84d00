#!/usr/bin/env bats
# leaklab soak: a real collector under real containers, stopped, killed and gone on with.

# Each bats test is a subshell of its own, in which it may set what the helpers read.
# shellcheck disable=SC2030,SC2031,SC2034

load common.bash

setup() {
	require_root
	make_bin
	SOAK=$BATS_TEST_TMPDIR/soak
}

teardown() {
	[ -z "${SOAKER:-}" ] || kill -KILL "$SOAKER" 2>/dev/null || true
	[ "$(id -u)" -ne 0 ] || expect_nothing_left
}

# A plan whose rounds are a small scenario of $1, and processes beside it.
write_plan() {
	write_scenario round "$1" <<-'END'
	  - {name: one, pattern: linear, args: [--rate=1MiB/s, --start-delay=0], memory: 64MiB}
	END
	PLAN=$BATS_TEST_TMPDIR/plan.yaml
	cat >"$PLAN" <<-'END'
		name: quick
		rounds: [./round.yaml]
		churn_per_s: 10
		churn_args: [steady, --size=256KiB, --start-delay=0, --duration=100ms]
	END
}

# Starts `leaklab soak` with these arguments and returns once it said $1.
start_soak() {
	local until=$1

	shift
	rm -f "$BATS_TEST_TMPDIR/words"
	mkfifo "$BATS_TEST_TMPDIR/words"
	"$BIN/leaklab" soak "$@" 2>"$BATS_TEST_TMPDIR/words" >"$BATS_TEST_TMPDIR/stdout" 3>&- &
	SOAKER=$!
	exec {WORDS}<"$BATS_TEST_TMPDIR/words"
	said=
	wait_for_words "$until"
}

# Returns once the record holds a line that this jq filter takes.
wait_for_record() {
	timeout 60 tail -n +1 -f "$SOAK/soak.jsonl" --pid="$SOAKER" | jq --unbuffered -c "select($1)" |
		head -n 1 | grep -q .
}

# Returns once all that a killed soak left has ended by itself.
wait_for_nothing() {
	local deadline=$((SECONDS + 40))

	until expect_nothing_left 2>/dev/null; do
		[ "$SECONDS" -lt "$deadline" ] || return 1
		sleep 0.2
	done
}

of_report() {
	"$BIN/leaklab" soak report "$SOAK" --format json | jq -r "$1"
}

end_soak() {
	status=0
	wait "$SOAKER" || status=$?
	SOAKER=
	said+=$(cat <&"$WORDS")
	exec {WORDS}<&-
}

@test "a soak that is stopped, killed and gone on with keeps its record, and leaves nothing" {
	write_plan 3s
	start_soak "round 1" "$PLAN" --duration 24s --interval 1s --settle 1s --dir "$SOAK"
	wait_for_record '.type == "sample" and .t_s > 2'
	kill -INT "$SOAKER"
	end_soak
	[ "$status" -eq 130 ]
	expect_words "go on with \`sudo $BIN/leaklab soak --dir $SOAK\`"
	expect_nothing_left
	[ "$(of_report '.sessions[0].reason')" = "stopped by Interrupt" ]

	# As if the power had failed in the middle of a line.
	printf '{"type":"sample","session":1,"t_' >>"$SOAK/soak.jsonl"
	start_soak "round" --dir "$SOAK"
	expect_words "going on after"
	wait_for_record '.type == "sample" and .session == 2 and .t_s > 2'
	run "$BIN/leaklab" soak --dir "$SOAK"
	[ "$status" -eq 3 ]
	[[ $output == *"a soak runs there already"* ]]
	kill -KILL "$SOAKER"
	end_soak
	[ "$status" -eq 137 ]
	wait_for_nothing
	[ "$(of_report '.sessions[1].ended')" = false ]
	[ "$(of_report '.sessions | map(.watched_s) | add < 24')" = true ]

	start_soak "round" --dir "$SOAK"
	end_soak
	# Nothing can be said of growth yet; that is not a pass.
	[ "$(of_report '.gates[] | select(.gate == "rss-rate").verdict')" = "TOO SHORT" ]
	[ "$status" -ne 0 ]
	[ "$status" -ne 3 ]
	[ "$(of_report '.sessions | length')" -eq 3 ]
	[ "$(of_report '.sessions[2].reason')" = duration ]
	[ "$(of_report '.watched_s | . > 23 and . < 26')" = true ]
	[ "$(of_report '.gates[] | select(.gate == "lost").verdict')" = PASS ]
	[ "$(of_report '.gates[] | select(.gate == "alive").verdict')" = PASS ]
	[ "$(of_report '[.rounds[].seed] | . == (sort | unique)')" = true ]
	[ "$(of_report '[.rounds[] | select(.outcome == "pass")] | length > 0')" = true ]
	[ "$(of_report '.facts.churned_per_s > 5')" = true ]
	[ "$(jq -s 'map(select(.type == "sample")) | all(.self_seen)' "$SOAK/soak.jsonl")" = true ]
	# What rounds recorded is large and not kept.
	[ -z "$(find "$SOAK/rounds" -name samples.jsonl)" ]
	[ -s "$SOAK/report.md" ]
	# The exit code is that of the verdict, as above.
	code=0
	"$BIN/leaklab" soak report "$SOAK" --format markdown >"$BATS_TEST_TMPDIR/md" || code=$?
	[ "$code" -eq "$status" ]
	cmp "$BATS_TEST_TMPDIR/md" "$SOAK/report.md"

	run "$BIN/leaklab" soak --dir "$SOAK"
	[ "$status" -eq 2 ]
	[[ $output == *"all of its 24 s are soaked"* ]]
}

@test "a collector that ends by itself fails the soak" {
	start_soak "session 1" none --duration 60s --interval 1s --dir "$SOAK"
	wait_for_record '.type == "sample"'
	kill -KILL "$(jq -r 'select(.type == "session").collector_pid' "$SOAK/soak.jsonl")"
	end_soak
	[ "$status" -eq 1 ]
	[ "$(of_report '.gates[] | select(.gate == "alive").verdict')" = FAIL ]
	[[ $(of_report '.gates[] | select(.gate == "alive").said') == *"exit code 137"* ]]
}

@test "a collector that is never ready, and load that breaks, are a broken lab" {
	use_double mute
	run "$BIN/leaklab" soak none --duration 5s --dir "$SOAK"
	[ "$status" -eq 3 ]
	[[ $output == *"did not begin to watch"* ]]
	cp "$BUILD/memgrowth" "$BIN"
	write_plan 3s
	sed -i 's/--rate=1MiB\/s/--rate=nonsense/' "$SCENARIO"
	run "$BIN/leaklab" soak "$PLAN" --duration 20s --dir "$SOAK-2"
	[ "$status" -eq 3 ]
	[[ $output == *"--rate=nonsense"*"rounds/00001.log"* ]]
}

# wrong WORDS ARG...: refused as wrong usage with these words.
wrong() {
	local words=$1

	shift
	run "$BIN/leaklab" soak "$@"
	[ "$status" -eq 2 ] || { echo "status $status of: $*" "$output"; return 1; }
	[[ $output == *"$words"* ]] || { echo "expected: $words" "$output"; return 1; }
}

@test "bad input is refused with what is wrong" {
	local plan=$BATS_TEST_TMPDIR/bad.yaml

	wrong "--duration=5: must be a time" --duration 5
	wrong "--duration=100ms: must be a time" --duration 100ms
	wrong "--interval=0s: must be a time" --interval 0s
	wrong "--settle=x: must be a time" --settle x
	wrong "--seed=-1: must be a whole number" --seed=-1
	wrong "--dir=: must name a folder" --dir=
	wrong "give one of them" --dir a --runs b
	wrong "report: name the folder" report
	wrong "report: takes a folder" report "$SOAK" --duration 5s
	wrong "is for \`leaklab soak report DIR\`" --format json
	wrong "--format=xml: must be text" report "$SOAK" --format xml
	wrong "name the folder of a soak" report "$SOAK"
	wrong "b: one plan at a time" a b
	wrong "no such plan" nothing --dir "$SOAK"
	printf 'name: x\n' >"$plan"
	wrong "rounds" "$plan" --dir "$SOAK"
	printf 'name: x\nrounds: [nowhere]\n' >"$plan"
	wrong "bad.yaml:2: rounds: \"nowhere\"" "$plan" --dir "$SOAK"
	printf 'name: x\nrounds: [smoke]\npause: soon\n' >"$plan"
	wrong "bad.yaml:3: pause: \"soon\"" "$plan" --dir "$SOAK"
	printf 'name: x\nrounds: [smoke]\nchurn_per_s: 10\n' >"$plan"
	wrong "needs churn_args" "$plan" --dir "$SOAK"
	printf 'name: x\nrounds: [smoke]\nchurn_per_s: 5000\nchurn_args: [steady]\n' >"$plan"
	wrong "must be at most 1000" "$plan" --dir "$SOAK"
	printf 'name: x\nrounds: [smoke]\nfoo: 1\n' >"$plan"
	wrong "foo" "$plan" --dir "$SOAK"
	# None of them left a folder that looks like a soak.
	[ ! -e "$SOAK" ]
}

@test "without root nothing is made, wherever it would be" {
	chmod 777 "$BATS_TEST_TMPDIR"
	cd "$BATS_TEST_TMPDIR"
	run setpriv --reuid=65534 --regid=65534 --clear-groups "$BIN/leaklab" soak none
	[ "$status" -eq 3 ]
	[[ $output == *"not root"* ]]
	[ ! -e soaks ]
}

@test "the examples of --help are long enough for a verdict" {
	# Three quarters of an hour are the least, see docs/soak.md.
	"$BIN/leaklab" soak --help | grep -E -- '--duration [0-9]+h' >/dev/null
	run grep -E -- '--duration [0-9]+(s|min)' <<<"$("$BIN/leaklab" soak --help)"
	[ "$status" -eq 1 ]
}

@test "soaks are not where runs are, unless told so" {
	use_double mute
	cd "$BATS_TEST_TMPDIR"
	run "$BIN/leaklab" soak none --duration 5s
	[ "$status" -eq 3 ]
	[ ! -e runs ]
	ls soaks/*-soak-1/soak.jsonl
	run "$BIN/leaklab" score soaks/*
	[ "$status" -eq 2 ]
	[[ $output == *"is the folder of a soak, not of a run"*"leaklab soak report soaks/"* ]]
	run "$BIN/leaklab" soak report "$REPO/tests/golden/runs/blind"
	[ "$status" -eq 2 ]
	[[ $output == *"is a run, not the folder of a soak"*"leaklab report $REPO"* ]]
}

@test "a record that was edited is refused with its line" {
	mkdir "$SOAK"
	cat >"$SOAK/soak.jsonl" <<-'END'
		{"type":"header","format":"leaklab.soak","version":1,"revision":"x","plan":null,"seed":1,"wall_ns":1,"duration_s":60.0,"interval_s":1.0,"settle_s":0.0,"kernel":"6","cpus":2}
		{"type":"sample","session":1,"t_s":1.0}
	END
	run "$BIN/leaklab" soak report "$SOAK"
	[ "$status" -eq 3 ]
	[[ $output == *"soak.jsonl:2: not a record of a soak"* ]]
	sed -i 's/leaklab.soak/leaklab.other/' "$SOAK/soak.jsonl"
	run "$BIN/leaklab" soak report "$SOAK"
	[ "$status" -eq 3 ]
}
