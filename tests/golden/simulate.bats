#!/usr/bin/env bats
# leaklab simulate: the same runs whatever does them, and nothing left behind.
# Each bats test is a subshell of its own, in which it may set what the helpers read.
# shellcheck disable=SC2030,SC2031

bats_require_minimum_version 1.5.0

setup() {
  BUILD=$(realpath "${BUILD:-build}")
  LEAKLAB=$BUILD/leaklab
  detectors=$(realpath "$BATS_TEST_DIRNAME/detectors")
  cd "$BATS_TEST_TMPDIR" || return
}

# True for a folder that no process of a simulation holds.
is_dead() {
  { flock --nonblock 9; } 2>/dev/null 9<"$1"
}

# Those of others on this host come and go.
left_over() {
  for dir in /dev/shm/leaklab-sim-*; do
    [ ! -d "$dir" ] || ! is_dead "$dir" || echo "$dir"
  done
}

teardown() {
  # A test that failed did not come to end it.
  [ -z "${simulate:-}" ] || kill -TERM "$simulate" 2>/dev/null || :
  [ -z "${simulate:-}" ] || wait "$simulate" || :
  [ -z "$(left_over)" ]
}

# The folder that the process of this id works in.
scratch_of() {
  readlink "/proc/$1"/fd/* | grep '^/dev/shm/leaklab-sim-'
}

# Starts one that never ends, and waits until its detector runs; sets $simulate and $hanging.
simulate_forever() {
  rm -f hangs.pid
  cat >hangs.sh <<END
#!/bin/sh
echo \$\$ >"$PWD/hangs.pid.part"
mv "$PWD/hangs.pid.part" "$PWD/hangs.pid"
exec sleep 1000
END
  chmod +x hangs.sh
  "$LEAKLAB" simulate --class steady --jobs 1 --detector "h=$PWD/hangs.sh" -o judged.jsonl 3>&- &
  simulate=$!
  until [ -s hangs.pid ]; do kill -0 "$simulate"; read -rt 0.05 <> <(:) || :; done
  hanging=$(cat hangs.pid)
}

@test "simulate: the same bytes from one process and from two" {
  some=(--class warmup-exp --class gcleak-1M --class pressure --class two)
  "$LEAKLAB" simulate --runs 2 --jobs 1 "${some[@]}" -q -o one.jsonl
  "$LEAKLAB" simulate --runs 2 --jobs 2 "${some[@]}" -q -o two.jsonl
  cmp one.jsonl two.jsonl
  # Two processes of "two" are two units; the order is that of the plan, then of the seeds.
  [ "$(jq -r 'select(.type == "unit") | "\(.class) \(.seed) \(.proc)"' one.jsonl | tr '\n' ,)" = \
"warmup-exp 1 0,warmup-exp 2 0,gcleak-1M 1 0,gcleak-1M 2 0,pressure 1 0,pressure 2 0,\
two 1 0,two 1 1,two 2 0,two 2 1," ]
  [ "$(jq -r 'select(.broken != null) | .broken' one.jsonl | wc -l)" -eq 0 ]
}

@test "simulate: a run is the same alone as among others" {
  "$LEAKLAB" simulate --runs 3 --class steady --class linear-1M -q -o many.jsonl
  "$LEAKLAB" simulate --seed 2 --runs 1 --class linear-1M -q -o alone.jsonl
  [ "$(jq -c 'select(.class == "linear-1M" and .seed == 2)' many.jsonl)" = \
    "$(jq -c 'select(.type == "unit")' alone.jsonl)" ]
}

@test "simulate: what is kept is a run, and its score is what was judged" {
  "$LEAKLAB" simulate --seed 7 --runs 1 --class linear-10M --keep kept -o judged.jsonl
  "$LEAKLAB" score --json kept/linear-10M-7 >score.json
  jq -es '.[0].units[0].leak.latency_s - .[2].leak.found_s | fabs < 0.001' score.json judged.jsonl
  memgen=$(jq -r '.workloads[0].command | join(" ")' kept/linear-10M-7/run.json)
  [[ $memgen == "memgen linear --rate="* ]]
  jq -e 'select(.type == "unit") | .leak.found_s > 0 and .truth == "leak"' judged.jsonl
  # Given to the detector again, it says the same.
  "$BUILD/memgrowth" replay - <kept/linear-10M-7/samples.jsonl | cmp - kept/linear-10M-7/detections.jsonl
}

@test "simulate: detectors whose score is known" {
  "$LEAKLAB" simulate --runs 2 --class steady --class linear-1M --baselines blind,always-on \
    --detector "mine=$BUILD/memgrowth replay -" -o judged.jsonl >table
  [ "$(jq -r 'select(.type == "unit") | .detector' judged.jsonl | sort -u | tr '\n' ,)" = \
    always-on,blind,mine, ]
  jq -es 'map(select(.detector == "blind")) | length == 4 and all(.leak.alarms == 0)' judged.jsonl
  jq -es 'map(select(.detector == "always-on" and .truth == "benign")) |
    length == 2 and all(.leak.false_alarms > 0)' judged.jsonl
  jq -es 'map(select(.detector == "mine" and .truth == "leak")) |
    all(.growing.found_s > 0 and .growing.found_s < 10)' judged.jsonl
  grep -q '^always-on' table
}

@test "simulate: the sealed seeds are not for looking at" {
  run -2 --separate-stderr "$LEAKLAB" simulate --seeds=sealed
  # shellcheck disable=SC2154 # set by run
  [[ $stderr == *"by \`leaklab accuracy\` alone"* ]]
  run -2 --separate-stderr "$LEAKLAB" simulate --first 1000000
  [[ $stderr == *"the seeds of tune are 1 to 99999"* ]]
  run -2 --separate-stderr "$LEAKLAB" simulate --first 99990 --runs 11
  [[ $stderr == *"the seeds of tune are 1 to 99999"* ]]
}

@test "simulate: what is wrong is named" {
  run -2 --separate-stderr "$LEAKLAB" simulate nonesuch
  [[ $stderr == *"nonesuch: no such plan"* ]]
  run -2 --separate-stderr "$LEAKLAB" simulate --class nonesuch
  [[ $stderr == *"--class=nonesuch: no such class in"* ]]
  run -2 --separate-stderr "$LEAKLAB" simulate --baselines nonesuch
  [[ $stderr == *"nonesuch: no such baseline"* ]]
  run -2 --separate-stderr "$LEAKLAB" simulate --detector nonesuch
  [[ $stderr == *"must be NAME=CMD"* ]]
  run -2 --separate-stderr "$LEAKLAB" simulate --runs 0
  [[ $stderr == *"--runs=0: must be a whole number from 1"* ]]
  run -2 --separate-stderr "$LEAKLAB" simulate --runs 1 --class steady --detector a=/nonesuch
  [[ $stderr == *"/nonesuch"* ]]
  run -3 --separate-stderr "$LEAKLAB" simulate --runs 1 --class steady \
    --detector "a=$detectors/fails.sh" -o judged.jsonl
  [[ $stderr == *"exited with"* ]]
  [ ! -e judged.jsonl ]
  [ ! -e judged.jsonl.part ]
}

@test "simulate: an option that memgen refuses is named with class and seed" {
  mkdir noise
  cp "$BATS_TEST_DIRNAME"/../../scenarios/simulated/noise/postgres.json noise
  cat >plan.yaml <<END
name: p
noise: noise
duration: 10min
memory: 1GiB
classes:
  - {name: one, pattern: linear, args: [--tau=5s]}
END
  run -3 --separate-stderr "$LEAKLAB" simulate plan.yaml --runs 1
  [[ $stderr == *"one, seed 1: memgen: --tau"* ]]
  sed -i 's/--tau/tau/' plan.yaml
  run -2 --separate-stderr "$LEAKLAB" simulate plan.yaml --runs 1
  [[ $stderr == *"plan.yaml:6: one: args: \"tau=5s\": must be an option of memgen"* ]]
}

@test "simulate: a signal ends it and all that it started" {
  simulate_forever
  kill -TERM "$simulate"
  code=0
  wait "$simulate" || code=$?
  [ "$code" -eq 130 ]
  # A zombie is one that was ended, and waits for init.
  [[ $(ps -o stat= -p "$hanging") != [!Z]* ]]
  [ ! -e judged.jsonl ]
}

# Sends SIGTERM to $1 again and again until it is gone, as timeout(1) does twice. SIGINT would not
# do: bash lets what it starts in the background ignore it.
end_impatiently() {
  while kill -TERM "$1" 2>/dev/null; do :; done
  code=0
  wait "$1" || code=$?
}

@test "simulate: several signals leave nothing behind either" {
  simulate_forever
  scratch=$(scratch_of "$simulate")
  end_impatiently "$simulate"
  [ "$code" -eq 130 ]
  [ ! -e "$scratch" ]
  [ ! -e judged.jsonl.part ]
}

@test "simulate: compare too leaves nothing behind when it is stopped" {
  export TMPDIR=$PWD/tmp
  mkdir tmp
  # What others compare at the same time is not ours.
  files() { find /tmp tmp -maxdepth 1 -name 'leaklab-compare-*' -newer before | sort; }
  touch before
  "$LEAKLAB" compare --simulate --runs 100 3>&- &
  simulate=$!
  until scratch=$(scratch_of "$simulate"); do kill -0 "$simulate"; done
  end_impatiently "$simulate"
  [ "$code" -eq 130 ]
  [ ! -e "$scratch" ]
  [ -z "$(files)" ]
}

@test "simulate: the next one removes what a killed one left, and nothing of a living one" {
  simulate_forever
  killed=$(scratch_of "$simulate")
  [ -d "$killed/steady-1" ]
  kill -KILL "$simulate"
  # Its processes end of themselves, and with them the lock.
  until is_dead "$killed"; do read -rt 0.05 <> <(:) || :; done
  [ -d "$killed/steady-1" ]
  simulate_forever
  living=$(scratch_of "$simulate")
  [ ! -e "$killed" ]
  "$LEAKLAB" simulate --class steady --runs 1 --quiet -o other.jsonl
  [ -d "$living/steady-1" ]
  kill -TERM "$simulate"
  wait "$simulate" || :
  [ ! -e "$living" ]
}

@test "simulate: noise is measured from a recording" {
  "$LEAKLAB" simulate --seed 3 --runs 1 --class steady --keep kept -q
  "$LEAKLAB" simulate --measure-noise kept/steady-3/samples.jsonl --mm 1 --program test \
    --skip 11min -o noise.json
  jq -e '.format == "leaklab.noise" and .interval_s == 0.5 and (.deviation_kib | length) > 5000' \
    noise.json
  run -3 --separate-stderr "$LEAKLAB" simulate --measure-noise kept/steady-3/samples.jsonl --mm 2 \
    --program test -o none.json
  [[ $stderr == *"mm 2: 0 points of steady state"* ]]
  [ ! -e none.json ]
  run -2 --separate-stderr "$LEAKLAB" simulate --measure-noise kept/steady-3/samples.jsonl
  [[ $stderr == *"also needs --mm, --program and --output"* ]]
}

@test "simulate: a device or a pipe is written to, not replaced or removed" {
  mkfifo pipe
  "$LEAKLAB" simulate --seed 3 --runs 1 --class steady --keep kept -q -o judged.jsonl
  "$LEAKLAB" simulate --seed 3 --runs 1 --class steady -o pipe >table 3>&- &
  cat pipe >got.jsonl
  wait $!
  cmp got.jsonl judged.jsonl
  grep -q '^memgrowth' table
  [ -p pipe ]
  cat pipe >got.jsonl &
  run -3 "$LEAKLAB" simulate --measure-noise kept/steady-3/samples.jsonl --mm 2 --program x -o pipe
  wait $!
  [ -p pipe ]
}
