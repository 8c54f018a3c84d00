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
      # A kernel without the limit of swap has no such file.
      [ ! -e "$dir/memory.swap.max" ] || echo 0 >"$dir/memory.swap.max"
    else
      echo "$limit" >"$dir/memory.limit_in_bytes"
      [ ! -e "$dir/memory.memsw.limit_in_bytes" ] || echo "$limit" >"$dir/memory.memsw.limit_in_bytes"
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
  "$MEMGROWTH" record --ready-fd 7 -o samples.jsonl --detections detections.jsonl \
    7>ready 2>recorder.log 3>&- &
  RECORDER=$!
  read -r line <ready
  [ "$line" = ready ]
}

stop_recorder() {
  kill -TERM "$RECORDER"
  wait "$RECORDER"
}

KINDS="anon cow tmpfs shmem cache dirty pipe socket process stack lazyfree thp"

# What `memgrowth ledger` says of the cgroups below TOP, once @1 of them are charged 60 MiB.
wait_for_charge() {
  for _ in $(seq 100); do
    "$MEMGROWTH" ledger --json --cgroup "/$TOP" | jq -c --arg top "/$TOP/" \
      'select(.cgroup | startswith($top))' >ledger.jsonl
    jq -es --argjson n "$1" 'map(select(.usage_bytes >= 60 * 1048576)) | length == $n' \
      ledger.jsonl >/dev/null && return
    sleep 0.2
  done
  cat ledger.jsonl ./*.log >&2
  return 1
}

@test "ledger: all cgroups of a host are shown, be there ever so many" {
  # More than one slice of 10 ms can read.
  mkdir "$HIERARCHY/$TOP"/c{1..400}
  "$MEMGROWTH" ledger --json --cgroup "/$TOP" >ledger.jsonl
  [ "$(wc -l <ledger.jsonl)" -eq 401 ]
}

@test "ledger: what is charged is accounted for within 2 % or 1 MiB, whatever holds it" {
  local kind
  for kind in $KINDS; do
    start "$kind" none steady --pages="$kind" --size=64MiB --start-delay=1s --duration=120s
  done
  wait_for_charge 12
  cat ledger.jsonl
  jq -es 'all((.unaccounted_bytes | fabs) <= 1048576 or (.unaccounted_share | fabs) <= 0.02)' \
    ledger.jsonl
  # What RSS cannot see is the residual of its kind; but for cow, as the fork counted it twice.
  jq -es --arg top "/$TOP/" 'map({(.cgroup[($top | length):]): .}) | add |
    .tmpfs.residual_shmem_bytes > 56 * 1048576 and
    .cache.residual_file_bytes > 56 * 1048576 and (.anon.residual_anon_bytes | fabs) < 2097152 and
    (.shmem.residual_shmem_bytes | fabs) < 2097152' ledger.jsonl
}

# The first detection of TOP/NAME, as "LEDGER KIND".
told() {
  jq -rs --arg path "/$TOP/$1" 'map(select(.cgroup == $path and .state == "raised"))[0] |
    "\(.ledger) \(.kind)"' detections.jsonl
}

@test "ledger: what grows is told of whom it belongs to, by its name" {
  local kind unsplit=
  start_recorder
  for kind in $KINDS; do
    start "$kind" none linear --pages="$kind" --rate=2MiB/s --start-delay=2s --duration=20s
  done
  for kind in $KINDS; do
    wait_for "$kind" end
  done
  stop_recorder
  "$MEMGROWTH" replay samples.jsonl >again.jsonl
  cmp detections.jsonl again.jsonl
  # v1 has one figure for all kernel memory.
  [ "$HIERARCHY" = /sys/fs/cgroup ] || unsplit=1
  for kind in anon stack lazyfree thp; do
    [ "$(told $kind)" = "process rss" ]
  done
  # Shared memory is judged where it is charged, mapped by a process or not.
  [ "$(told shmem)" = "cgroup shmem" ]
  [ "$(told cow)" = "cgroup cow" ]
  [ "$(told tmpfs)" = "cgroup shmem" ]
  [ "$(told process)" = "cgroup processes" ]
  [ "$(told cache)" = "null null" ]
  [ "$(told dirty)" = "null null" ]
  [ "$(told pipe)" = "cgroup kernel" ]
  [[ $(told socket) == "cgroup kernel" || -z $unsplit && $(told socket) == "cgroup s"* ]]
}

@test "ledger: 5 s after the leak is told its limit is full when the kernel kills, 10 runs" {
  local i rate mib good
  start_recorder
  # So much that it is full some 35 s after the verdict.
  i=0
  for rate in 1024 1280 1536 2048 2560 3072 3584 4096 4608 5120; do
    mib=$((rate * (100 + i) / 1024))
    start "g$i" "${mib}M" linear --rate="${rate}KiB/s" --start-delay=1s --duration=200s
    i=$((i + 1))
  done
  for pid in "${PIDS[@]}"; do
    wait "$pid" || [ $? -eq 137 ]
  done
  stop_recorder
  jq -cs '(map(select(.type == "cgroup") | {(.cgroup | tostring): .path}) | add) as $paths |
    map(select(.type == "oom") | {($paths[.cgroup | tostring]): .t_ns}) | add' \
    samples.jsonl >kills.json
  jq -cs --slurpfile kills kills.json --arg top "/$TOP/" '
    map(select(.tier == "leak" and (.cgroup | strings | startswith($top)))) | group_by(.cgroup) |
    map((map(select(.state == "raised"))[0].t_ns) as $raised | $kills[0][.[0].cgroup] as $kill |
      map(select(.state == "updated" and .t_ns >= $raised + 5e9))[0] |
      {cgroup, left: (($kill - .t_ns) / 1e9), said: .time_to_limit_s,
       lo: .time_to_limit_lo_s, hi: .time_to_limit_hi_s} |
      . + {off: (.said / .left - 1)}) | .[]' detections.jsonl >forecasts.jsonl
  cat forecasts.jsonl
  good=$(jq -s 'map(select((.off | fabs) <= 0.1)) | length' forecasts.jsonl)
  [ "$good" -ge 9 ]
}
