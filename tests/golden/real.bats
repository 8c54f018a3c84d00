#!/usr/bin/env bats
# Recordings of real programs (tests/recordings, docs/real-programs.md), replayed to the detector
# and scored: what leaks is found and its rate is right, what is healthy is never called a leak.
# No privileges. BUILD is the build directory.

bats_require_minimum_version 1.5.0

setup() {
  ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
  BUILD=${BUILD:-build}
  [[ $BUILD == /* ]] || BUILD=$ROOT/$BUILD
  RECORDINGS=$ROOT/tests/recordings
  SCORE=$BATS_TEST_TMPDIR/score.json
}

# Scores recording $1 by the detector $2, ours without it. A missed gate (1) is for the tests here
# to find; anything else is broken.
score() {
  local code=0
  "$BUILD/leaklab" score --json --detector "${2:-$BUILD/memgrowth replay -}" \
    "$RECORDINGS/$1" >"$SCORE" || code=$?
  [ "$code" -le 1 ]
}

# Prints what jq filter $1 finds in the score, and fails when that is something.
expect_none() {
  local found
  found=$(jq -c "$1" "$SCORE")
  [ -z "$found" ] || { echo "$found" >&2; return 1; }
}

# All were there, kept their contract and were watched for 20 minutes.
expect_whole() {
  [ "$(jq '.units | length' "$SCORE")" -eq "$1" ]
  expect_none '.units[] | select(.broken != null or .watched_s < 1200) |
    {instance, broken, watched_s}'
}

@test "real programs: no healthy one is called a leak" {
  score real-healthy
  expect_whole 12
  expect_none '.units[] | select(.leak.alarms > 0) | {instance, leak}'
}

@test "real programs: every leaking one is a confirmed leak, its rate within 10 %" {
  score real-leaking
  expect_whole 4
  expect_none '.units[] | select(.leak.detected | not) | {instance, leak}'
  expect_none '.units[] | select(.leak.false_alarms > 0) | {instance, leak}'
  expect_none '.units[] | select((.leak.rate_at_end.error // 9) | fabs > 0.1) |
    {instance, true_rate_bytes_per_s, rate: .leak.rate_at_end}'
}

@test "real programs: a detector that is blind or always on is told from a good one" {
  score real-leaking "$ROOT/tests/golden/detectors/blind.sh"
  [ "$(jq '[.units[] | select(.leak.detected)] | length' "$SCORE")" -eq 0 ]
  score real-healthy "$ROOT/tests/golden/detectors/always-on.sh"
  [ "$(jq '[.units[] | select(.leak.false_alarms > 0)] | length' "$SCORE")" -eq 12 ]
}
