#!/usr/bin/env bats
# Recordings of real cgroups, cut down to one each, and exactly what is told of them:
#   cow       a child writes 1 MiB/s of what it shares with its parent
#   process   ever more small processes
#   dirty     page cache, written: no leak, though inodes and buffer heads grow with it
#   lazyfree  freed with MADV_FREE: it grows, and is no leak
#   oom       5 MiB/s into a limit of 512 MiB until the kernel kills; every fifth rss record
# record.sh beside them says how long and in which limits, and makes all but the last anew.
# After a change of the detector that is meant, what is told of one is renewed by
#   memgrowth replay X.samples.jsonl | grep -v '"type":"header"' >X.detections.jsonl

bats_require_minimum_version 1.5.0

setup() {
  BUILD=${BUILD:-build}
  MEMGROWTH=$(realpath "$BUILD/memgrowth")
  cd "$BATS_TEST_DIRNAME/ledger" || return
}

expect() {
  "$MEMGROWTH" replay "$1.samples.jsonl" | grep -v '"type":"header"' >"$BATS_TEST_TMPDIR/is"
  diff "$1.detections.jsonl" "$BATS_TEST_TMPDIR/is"
}

told() {
  jq -r 'select(.state == "raised") | "\(.ledger) \(.kind) \(.tier)"' "$1.detections.jsonl"
}

@test "ledger recordings: copies after a fork are a leak of the cgroup" {
  expect cow
  [ "$(told cow)" = "cgroup cow growing
cgroup cow leak" ]
}

@test "ledger recordings: ever more processes are one leak" {
  expect process
  [ "$(told process)" = "cgroup processes growing
cgroup processes leak" ]
}

@test "ledger recordings: dirty page cache is nothing" {
  expect dirty
  [ -z "$(told dirty)" ]
}

@test "ledger recordings: what was freed with MADV_FREE is no leak" {
  expect lazyfree
  [ "$(told lazyfree)" = "process rss growing" ]
}

@test "ledger recordings: from 5 s after the verdict the limit is full when it was, within 10 %" {
  expect oom
  [ "$(told oom)" = "process rss growing
process rss leak" ]
  kill=$(jq -r 'select(.type == "oom").t_ns' oom.samples.jsonl)
  # But for the last three seconds, when 10 % is less than a poll.
  jq -es --argjson kill "$kill" '[.[] | select(.tier == "leak" and .state == "updated") |
    . + {left: (($kill - .t_ns) / 1e9)} | select(.left > 3)] | length >= 3 and
    all((.time_to_limit_s / .left - 1 | fabs) < 0.1) and
    all(.time_to_limit_lo_s <= .left + 0.5 and .left - 0.5 <= .time_to_limit_hi_s)' \
    oom.detections.jsonl
}

@test "ledger recordings: the state at the end is shown" {
  run --separate-stderr "$MEMGROWTH" ledger --json cow.samples.jsonl
  [ "$status" -eq 0 ]
  jq -es 'length == 1 and .[0].cgroup == "/led-cow"' <<<"$output"
  run --separate-stderr "$MEMGROWTH" ledger --cgroup /none cow.samples.jsonl
  [ "$status" -eq 1 ]
  # shellcheck disable=SC2154 # set by run
  [[ $stderr == *'no cgroup at or below "/none"'* ]]
  run "$MEMGROWTH" ledger --nope cow.samples.jsonl
  [ "$status" -eq 2 ]
}

@test "ledger recordings: what people read fits their terminal and begins with whose memory it is" {
  run "$MEMGROWTH" replay --text cow.samples.jsonl
  [ "$status" -eq 0 ]
  [[ $output == *"leak    raised     /led-cow: cow  "* ]]
  run "$MEMGROWTH" replay --text oom.samples.jsonl
  [[ $output == *"growing raised     memgen (pid 20349) in /led-oom-3  "* ]]
  run "$MEMGROWTH" ledger cow.samples.jsonl
  [ "$status" -eq 0 ]
  [[ $output == *"  /led-cow" ]]
  run grep -E '^.{101}' <<<"$output"
  [ "$status" -eq 1 ]
  run "$MEMGROWTH" ledger --wide cow.samples.jsonl
  [[ $output == *" unacc. "* ]]
}

@test "-h is help, before a command and after it" {
  for command in "" watch record replay ledger doctor; do
    # shellcheck disable=SC2086 # no command is no word
    run "$MEMGROWTH" $command -h
    [ "$status" -eq 0 ]
    [[ $output == Usage:* ]]
  done
}
