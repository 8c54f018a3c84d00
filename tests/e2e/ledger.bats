#!/usr/bin/env bats
# The second ledger with real cgroups and real memory of every kind: what is charged is accounted
# for, what grows is named, and the time to the limit is that of the real OOM kill.

bats_require_minimum_version 1.5.0

setup() {
  BUILD=${BUILD:-build}
  MEMGROWTH=$(realpath "$BUILD/memgrowth")
  MEMGEN=$(realpath "$BUILD/memgen")
  cd "$BATS_TEST_TMPDIR" || return
  # Where the memory controller is; on v2 children get it from here.
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    HIERARCHY=/sys/fs/cgroup
    echo +memory >"$HIERARCHY/cgroup.subtree_control"
  else
    HIERARCHY=/sys/fs/cgroup/memory
  fi
  TOP=ledger-test-$BASHPID
  mkdir "$HIERARCHY/$TOP"
  [ "$HIERARCHY" = /sys/fs/cgroup/memory ] || echo +memory >"$HIERARCHY/$TOP/cgroup.subtree_control"
  PIDS=()
}

teardown() {
  local dir
  [ -z "${RECORDER:-}" ] || ! kill -0 "$RECORDER" 2>/dev/null || kill -KILL "$RECORDER"
  for dir in "$HIERARCHY/$TOP"/*/ "$HIERARCHY/$TOP"; do
    [ -d "$dir" ] || continue
    while read -r pid; do
      kill -KILL "$pid" 2>/dev/null || true
    done <"$dir/cgroup.procs"
    # A killed process is in its cgroup until it is reaped, by bash or by init.
    for _ in $(seq 100); do
      rmdir "$dir" 2>/dev/null && break
      sleep 0.1
    done
  done
  [ ! -e "$HIERARCHY/$TOP" ]
}

# Starts memgen in the new cgroup TOP/NAME: start NAME LIMIT ARGUMENT...; LIMIT may be "none".
start() {
  local name=$1 limit=$2 dir=$HIERARCHY/$TOP/$1
  shift 2
  mkdir "$dir"
  if [ "$limit" != none ]; then
    if [ -e "$dir/memory.max" ]; then
      echo "$limit" >"$dir/memory.max"
      echo 0 >"$dir/memory.swap.max" 2>/dev/null || true
    else
      echo "$limit" >"$dir/memory.limit_in_bytes"
      echo "$limit" >"$dir/memory.memsw.limit_in_bytes" 2>/dev/null || true
    fi
  fi
  (
    echo "$BASHPID" >"$dir/cgroup.procs"
    exec "$MEMGEN" "$@"
  ) >"$name.jsonl" 2>"$name.log" 3>&- &
  PIDS+=($!)
}

# Waits for a record of a truth file: wait_for NAME TYPE
wait_for() {
  for _ in $(seq 600); do
    grep -q "\"type\":\"$2\"" "$1.jsonl" && return
    sleep 0.1
  done
  cat "$1.log" >&2
  return 1
}

start_recorder() {
  mkfifo ready
  "$MEMGROWTH" record --ready-fd 7 -o samples.jsonl --detections detections.jsonl "$@" \
    7>ready 2>recorder.log 3>&- &
  RECORDER=$!
  read -r line <ready
  [ "$line" = ready ]
}

stop_recorder() {
  kill -TERM "$RECORDER"
  wait "$RECORDER"
}

@test "ledger: what is charged is accounted for within 2 % or 1 MiB, whatever holds it" {
  local kind
  for kind in anon cow tmpfs shmem cache dirty pipe socket process stack lazyfree thp; do
    start "$kind" none linear --pages="$kind" --rate=16MiB/s --size=64MiB --start-delay=1s \
      --duration=60s
  done
  for kind in anon cow tmpfs shmem cache dirty pipe socket process stack lazyfree thp; do
    # 64 MiB are there 5 s after the onset.
    wait_for "$kind" onset
  done
  for _ in $(seq 100); do
    "$MEMGROWTH" ledger --json --cgroup "/$TOP" >ledger.jsonl
    jq -es --arg top "/$TOP/" '[.[] | select((.cgroup | startswith($top)) and
      .usage_bytes >= 60 * 1048576)] | length == 12' ledger.jsonl && break
    sleep 0.2
  done
  cat ledger.jsonl
  jq -es --arg top "/$TOP/" '[.[] | select(.cgroup | startswith($top))] | length == 12 and
    all(.usage_bytes >= 60 * 1048576) and all((.unaccounted_bytes | fabs) <= 1048576 or
    (.unaccounted_share | fabs) <= 0.02)' ledger.jsonl
}
