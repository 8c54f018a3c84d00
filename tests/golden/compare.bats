#!/usr/bin/env bats
# leaklab baseline and leaklab compare over the golden runs, and the detectors of the documents.
# Needs build/leaklab, build/memgrowth, jq and python3; no privileges. BUILD is the build directory.

bats_require_minimum_version 1.5.0

setup() {
	ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	BUILD=${BUILD:-build}
	[[ $BUILD == /* ]] || BUILD=$ROOT/$BUILD
	RUNS=$ROOT/tests/golden/runs
	cd "$BATS_TEST_TMPDIR" || return
}

leaklab() {
	"$BUILD/leaklab" "$@"
}

# refused CODE WORDS ARGUMENT...
refused() {
	local code=$1 words=$2
	shift 2
	run --separate-stderr leaklab "$@"
	# shellcheck disable=SC2154 # set by run
	if [ "$status" -ne "$code" ] || [[ $stderr != *"$words"* ]]; then
		printf 'exit %s, said: %s\nwanted %s: %s\n' "$status" "$stderr" "$code" "$words"
		return 1
	fi
}

# The code of a Markdown file between the fence ```$2 and its end.
fenced() {
	sed -n "/^\`\`\`$2\$/,/^\`\`\`\$/p" "$1" | sed '1d;$d'
}

@test "baseline: all that SCORING asks for are there, and are detectors" {
	for name in blind always-on limit-80 last-increment ols-60 ols-300-r2 mann-kendall-60 \
		predict-linear growth-ratio-1.25 valley; do
		leaklab baseline --list | grep -q "^$name "
		leaklab baseline "$name" <"$RUNS/blind/samples.jsonl" >said.jsonl
		[ "$(jq -r 'select(.type == "header") | .detector' said.jsonl)" = "$name" ]
		tail -n 1 said.jsonl | jq -e '.type == "end" and .processes == 9' >/dev/null
	done
	leaklab baseline --list --json | jq -e 'length >= 10 and all(.summary | length > 0)'
}

@test "baseline: what it says is taken by leaklab score, whose check it passes" {
	run leaklab score --json --detector "$BUILD/leaklab baseline always-on" "$RUNS/blind"
	[ "$status" -eq 1 ]
	[ "$(jq .summary.leak.benign_pooled.fpr.k <<<"$output")" = 2 ]
	for name in last-increment ols-60 predict-linear growth-ratio-1.25 valley; do
		run leaklab score --json --detector "$BUILD/leaklab baseline $name" "$RUNS/blind"
		[ "$status" -le 1 ]
	done
}

@test "baseline: --sweep prints detectors that run, each with its setting" {
	leaklab baseline --sweep ols-60 >sweep
	grep -qx 'ols-60@1048576=leaklab baseline ols-60 --threshold=1048576' sweep
	PATH=$BUILD:$PATH
	leaklab baseline --sweep | while IFS= read -r line; do
		# shellcheck disable=SC2086 # a command and its arguments
		[ "$(head -n 1 "$RUNS/blind/samples.jsonl" | ${line#*=} | head -n 1 |
			jq -r .detector)" = "${line%%=*}" ]
	done
}

@test "baseline: what is wrong is named" {
	refused 2 'nobody: no such baseline' baseline nobody
	refused 2 'which baseline?' baseline
	refused 2 'one baseline at a time' baseline blind valley
	refused 2 '--threshold=2: must be a number from 0.01 to 1' baseline limit-80 --threshold=2
	refused 2 '--threshold=x: must be a number' baseline ols-60 --threshold=x
	refused 2 '--threshold=nan: must be a number' baseline ols-60 --threshold=nan
	refused 2 'blind has no setting' baseline blind --threshold=1
	refused 2 '--json: only with --list' baseline blind --json
	refused 3 'stdin: empty' baseline blind </dev/null
	refused 3 'stdin:1: not JSON' baseline blind <<<garbage
	head -c -9 "$RUNS/blind/samples.jsonl" >cut.jsonl
	run --separate-stderr leaklab baseline blind <cut.jsonl
	[ "$status" -eq 0 ]
	[[ $stderr == *"the last line was cut short"* ]]
}

@test "compare: the figures of the baselines over the golden runs" {
	leaklab compare --json --match "$RUNS/oracle" "$RUNS/blind" >all.json
	# Ours is left out: it gets better, and has golden tests of its own.
	jq -c '.detectors[] | select(.detector != "memgrowth" and (.detector | contains("@") | not))
		| {detector} + (to_entries[1:] | map({key, value: (.value | {tpr: .tpr.k,
			leaks: [.leaks[].tpr.k], benign: [.benign[].fpr.k],
			false_alarms: .benign_pooled.false_alarms,
			latency: [.latency[]], rate: .rate_within_5_percent.k, right})})
		| from_entries)' all.json >got.jsonl
	diff "$ROOT/tests/golden/compare/golden-runs.jsonl" got.jsonl
	jq -e '.at_our_fpr.chosen_on == "the same units" and (.at_our_fpr.leak | length == 9)' \
		all.json
}

@test "compare: for the terminal, as Markdown, and only some of them" {
	leaklab compare --detectors ols-60,valley "$RUNS/blind" >terminal
	grep -q '^ *1 memgrowth ' terminal
	grep -q '^ *2 ols-60 ' terminal
	grep -q '^ *3 valley ' terminal
	run ! grep blind terminal
	[ "$(wc -L <terminal)" -le 100 ]
	leaklab compare --markdown --detectors ols-60 "$RUNS/blind" >markdown
	grep -q '^|  2 ols-60 | ' markdown
}

@test "compare: what is wrong is named" {
	refused 2 'INPUT: name run directories' compare
	refused 2 'nonexistent: No such file' compare nonexistent
	refused 2 '"nobody": no baseline' compare --detectors nobody "$RUNS/blind"
	refused 2 '--ours=nobody: no unit was judged' compare --ours nobody "$RUNS/blind"
	refused 2 '--detector=x: must be NAME=CMD' compare --detector x "$RUNS/blind"
	refused 2 '--detector=x=: must be NAME=CMD' compare --detector x= "$RUNS/blind"
	refused 2 'parts it from its setting' compare --detector x@1=cat "$RUNS/blind"
	refused 2 'there is a detector of that name' compare --detector valley=cat "$RUNS/blind"
	refused 2 'is the same run as' compare "$RUNS/blind" "$RUNS/blind/"
	refused 2 'choose one' compare --json --markdown "$RUNS/blind"
	refused 3 'is missing when the recording ends at' compare \
		--detector "liar=$ROOT/tests/golden/detectors/back-dates.sh" "$RUNS/blind"
	refused 3 'judged.jsonl:1' compare "$RUNS/blind/detections.jsonl" \
		|| refused 3 'detections.jsonl:1' compare "$RUNS/blind/detections.jsonl"
	refused 3 'no unit was judged' compare "$RUNS/no-samples"
}

# judged SEEDS FIRST-SEED, lines "DETECTOR CLASS found|missed|false|quiet..." on stdin.
judged() {
	jq -nRc --arg seeds "$1" --argjson first "$2" '
		def tier($word): {found_s: (if $word == "missed" or $word == "false" or $word == "quiet"
			then null else ($word | tonumber) end), early: false,
			alarms: 1, false_alarms: (if $word == "false" then 1 else 0 end), withdrawn: 0,
			first: {right: ($word != "false"), confidence: null, score: null}, attributed: null, rate_error: {at: null, later: null, end: null},
			rate_covered: {at: null, later: null, end: null}, leaked_bytes: null,
			headroom: null, confidence_30s: null, time_to_limit: null};
		{type: "header", format: "leaklab.judged", version: 1, revision: "test", plan: "p",
		 seeds: $seeds},
		(inputs | split(" ") | .[0] as $detector | .[1] as $class | .[2:] | to_entries[]
		| (.value == "false" or .value == "quiet") as $benign
		| {type: "unit", source: "simulated", class: $class, run: "r", instance: "i", proc: 0,
		   seed: ($first + .key), truth: (if $benign then "benign" else "leak" end),
		   pattern: "x", rate_bytes_per_s: null, watched_s: 3600, t0_ns: 1, killed: false,
		   broken: null, detector: $detector, pattern_stated: null, confidence_30s: 0,
		   growing: tier(.value), leak: tier(.value)})'
}

@test "compare: a setting is chosen on the tune seeds and judged on the others" {
	judged tune 1 >tune.jsonl <<-'END'
		memgrowth linear 5 5 5
		memgrowth steady quiet quiet quiet
		rule linear 3 3 3
		rule steady false quiet quiet
		rule@1 linear 4 4 missed
		rule@1 steady quiet quiet quiet
		rule@2 linear 3 missed missed
		rule@2 steady quiet quiet quiet
	END
	judged sealed 1000000 >sealed.jsonl <<-'END'
		memgrowth linear 5 5 5
		memgrowth steady quiet quiet quiet
		rule linear 3 3 3
		rule steady false false quiet
		rule@1 linear 4 missed missed
		rule@1 steady quiet quiet false
	END
	leaklab compare --json tune.jsonl sealed.jsonl >got.json
	jq -e '.units == 6 and .at_our_fpr.chosen_on == "tune seeds" and .at_our_fpr.leak ==
		[{detector: "rule", settings: 3, chosen: "rule@1", judged: true}]' got.json
	jq -e '.detectors[] | select(.detector == "rule@1") | .leak
		| .tpr.k == 1 and .benign_pooled.fpr.k == 1 and .ours_against_it.only_ours == 3' got.json
	leaklab compare tune.jsonl sealed.jsonl >got
	grep -Eq '^  rule@1 +33.3 % +33.3 % +none +3 +0 ' got
	# Alone, the tune seeds are for both; and the setting must be judged to have figures.
	leaklab compare --json tune.jsonl | jq -e '.at_our_fpr.chosen_on == "the same units"'
	grep -v rule@1 sealed.jsonl >without.jsonl
	leaklab compare tune.jsonl without.jsonl | grep -q 'rule@1 *not judged'
}

@test "compare: judged files need no program to run" {
	judged sealed 1000000 >one.jsonl <<<'memgrowth linear 5 5'
	refused 2 '--match: there is no run directory' compare --match one.jsonl
	refused 2 '--detector: there is no run directory' compare --detector a=cat one.jsonl
	leaklab compare one.jsonl | grep -qF '2 units: 2 leaks of 1 class,'
}

@test "compare: over a simulation, settings from the tune seeds" {
	ln -s "$ROOT/scenarios/simulated/noise" noise
	cat >plan.yaml <<-'END'
		name: tiny
		noise: noise
		sigma: 20KB
		draw: [{name: rate, from: 500KB, to: 1MB}]
		duration: 10min
		interval: 500ms
		health: 20s
		memory: 1GiB
		base: 5MB
		classes:
		  - {name: steady, pattern: steady, args: ["--size=20MB"]}
		  - {name: leaking, pattern: linear, args: ["--rate={rate}/s"]}
	END
	leaklab compare --json --match --simulate=./plan.yaml --runs 2 --detectors ols-60,limit-80 \
		--detector "own=$ROOT/docs/examples/own-detector.py" 2>words >got.json
	jq -e '.units == 4 and .at_our_fpr.chosen_on == "tune seeds"
		and ([.at_our_fpr.leak[].judged] | any)
		and ([.detectors[].detector] | contains(["memgrowth", "own", "ols-60", "limit-80"]))' \
		got.json
	refused 2 'takes no INPUT' compare --simulate plan.yaml
	refused 2 'only with --simulate' compare --runs 5 "$RUNS/blind"
	refused 2 'nonexistent' compare --simulate=./nonexistent.yaml
}

@test "own detector: the document has the example, and it scores" {
	fenced "$ROOT/docs/own-detector.md" python >own.py
	cmp own.py "$ROOT/docs/examples/own-detector.py"
	[ "$(wc -l <own.py)" -le 31 ]
	run leaklab score --json --detector "python3 $PWD/own.py" "$RUNS/blind"
	[ "$status" -eq 1 ]
	jq -e '.detector == "own-detector" and .summary.growing.alarms >= 1' <<<"$output"
	leaklab compare --detectors blind --detector "own=python3 $PWD/own.py" "$RUNS/blind" |
		grep -q '^ *3 own '
}

@test "own detector: what the document says of it in virtual time is so" {
	sed -n '/^    \$ build\/leaklab simulate/,/^$/p' "$ROOT/docs/own-detector.md" |
		sed 's/^    //; /^$/d' >shown
	# The command is its first two lines.
	# shellcheck disable=SC2016 # for eval
	command=$(head -n 2 shown | sed 's/^\$ build\/leaklab/"$BUILD\/leaklab"/')
	cd "$ROOT"
	eval "$command" >"$BATS_TEST_TMPDIR/got"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/got")" -gt 5 ]
	tail -n +3 "$BATS_TEST_TMPDIR/shown" | diff - "$BATS_TEST_TMPDIR/got"
}

@test "own detector: the one of the README runs" {
	sed -n '/^    #!\/bin\/sh$/,/^      \.raise\[\]/p' "$ROOT/README.md" | sed 's/^    //' >mine
	grep -q '^    \$ chmod +x my-detector$' "$ROOT/README.md"
	chmod +x mine
	run leaklab score --json --detector ./mine "$RUNS/blind"
	[ "$status" -eq 1 ]
	jq -e '.detector == "mine" and .summary.growing.alarms >= 1' <<<"$output"
	for mib in 10 12 80 111 112; do
		printf '{"type":"rss","t_ns":%d,"mm":7,"anon_bytes":%d}\n' "$mib" $((mib << 20))
	done | ./mine | jq -r 'select(.type == "detection") | "\(.t_ns) \(.tier)"' >said
	[ "$(tr '\n' , <said)" = "12 growing,111 leak," ]
}
