#!/usr/bin/env bats
# memgrowth as its users run it: real BPF, real processes, bad input.

bats_require_minimum_version 1.5.0

setup() {
  BUILD=${BUILD:-build}
  MEMGROWTH=$(realpath "$BUILD/memgrowth")
  MEMGEN=$(realpath "$BUILD/memgen")
  cd "$BATS_TEST_TMPDIR" || return
}

teardown() {
  [ -z "${RECORDER:-}" ] || ! kill -0 "$RECORDER" 2>/dev/null || kill -KILL "$RECORDER"
}

# Starts a recorder and waits until it is attached. Its pid is RECORDER.
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

@test "a leak is found while it runs, with its process, and replay says the same" {
  start_recorder
  "$MEMGEN" linear --rate=2MiB/s --start-delay=2s --duration=6s >truth.jsonl
  stop_recorder
  # By its pid: others on this host may leak, or be called memgen.
  pid=$(jq -r 'select(.type == "process").pid' truth.jsonl)
  jq -es --argjson p "$pid" '[.[] | select(.pid == $p and .tier == "growing")][0] |
    .state == "raised" and .comm == "memgen"' detections.jsonl
  onset=$(jq -r 'select(.type == "onset").t_ns' truth.jsonl)
  alarm=$(jq -rs --argjson p "$pid" '[.[] | select(.pid == $p and .state == "raised")][0].t_ns' \
    detections.jsonl)
  [ "$alarm" -gt "$onset" ]
  jq -es '.[-1] | .type == "end" and .reason == "signal" and .lost == 0' samples.jsonl
  "$MEMGROWTH" replay samples.jsonl >again.jsonl
  cmp detections.jsonl again.jsonl
}

@test "a steady process is not called a leak" {
  start_recorder
  "$MEMGEN" steady --size=32MiB --duration=7s >truth.jsonl 3>&- &
  steady=$!
  wait "$steady"
  stop_recorder
  grep -q "\"pid\":$steady," samples.jsonl
  # Others on this host may leak.
  run ! grep -q "\"pid\":$steady," detections.jsonl
}

@test "the classic tracepoint and /proc find it as well" {
  for source in tp proc; do
    rm -f ready samples.jsonl detections.jsonl
    start_recorder --source="$source"
    "$MEMGEN" linear --rate=4MiB/s --start-delay=2s --duration=5s >truth.jsonl
    stop_recorder
    jq -es --arg s "$source" '.[0].source == $s' samples.jsonl
    pid=$(jq -r 'select(.type == "process").pid' truth.jsonl)
    grep -q "\"tier\":\"growing\",\"state\":\"raised\".*\"pid\":$pid," detections.jsonl
  done
}

# Waits until the recorder waits for nothing but room in its pipe.
await_stall() {
  local seen=0 wchan
  for _ in {1..300}; do
    wchan=$(<"/proc/$RECORDER/wchan")
    if [[ $wchan == ep_poll || $wchan == do_epoll_wait ]]; then seen=0; else seen=$((seen + 1)); fi
    [ "$seen" -lt 10 ] || return 0
    read -rt 0.1 <> <(:) || true
  done
  return 1
}

@test "a recorder ends at SIGTERM though its reader has stalled, and says what is lost" {
  mkfifo stalled
  # What is known of a crowded host at the start alone may be more than a pipe holds.
  (
    while [ ! -e stall ]; do read -r _; done
    exec sleep 600
  ) <stalled 3>&- &
  reader=$!
  start_recorder -o stalled --interval=10ms --threshold=4KiB
  : >stall
  "$MEMGEN" linear --rate=64MiB/s --duration=60s >/dev/null 3>&- &
  writer=$!
  await_stall || stalled=no
  kill -TERM "$RECORDER"
  status=0
  wait "$RECORDER" || status=$?
  kill "$reader" "$writer"
  [ "${stalled:-yes}" = yes ]
  [ "$status" -eq 3 ]
  grep -q "told to end while whoever reads it had stalled" recorder.log
}

@test "a recorder killed in mid-run leaves a recording that can be replayed" {
  start_recorder
  "$MEMGEN" linear --rate=4MiB/s --start-delay=1s --duration=4s >truth.jsonl
  kill -KILL "$RECORDER"
  if wait "$RECORDER"; then return 1; fi
  printf '{"type":"rss","t_' >>samples.jsonl
  run "$MEMGROWTH" replay samples.jsonl
  [ "$status" -eq 0 ]
  [[ "$output" == *"the last line was cut short"* ]]
  [[ "$output" == *'"comm":"memgen"'* ]]
}

@test "detections state the patience that they were made with" {
  "$MEMGROWTH" record --source=proc -o samples.jsonl --detections detections.jsonl \
    --patience=10min --duration=1s
  head -n 1 detections.jsonl | jq -e '.type == "header" and .patience_s == 600'
  "$MEMGROWTH" replay samples.jsonl | head -n 1 | jq -e '.patience_s == 224'
}

@test "a full disk ends the recording with a clear message" {
  run "$MEMGROWTH" record -o /dev/full -d 5s
  [ "$status" -eq 3 ]
  [[ "$output" == *"samples: No space left on device"* ]]
}

@test "a recording is not overwritten" {
  echo precious >samples.jsonl
  run "$MEMGROWTH" record -o samples.jsonl -d 1s
  [ "$status" -eq 3 ]
  [[ "$output" == *"samples.jsonl: is there already"* ]]
  [ "$(cat samples.jsonl)" = precious ]
}

@test "a recording that never began leaves no file, and none of its owner's is removed" {
  run -2 "$MEMGROWTH" record --cgroup=/no/such -o samples.jsonl --detections detections.jsonl
  [ ! -e samples.jsonl ]
  [ ! -e detections.jsonl ]
  echo precious >detections.jsonl
  run -3 "$MEMGROWTH" record -d 1s -o samples.jsonl --detections detections.jsonl
  [ ! -e samples.jsonl ]
  [ "$(cat detections.jsonl)" = precious ]
  # It was there before.
  : >samples.jsonl
  run -2 "$MEMGROWTH" record --cgroup=/no/such -o samples.jsonl
  [ -e samples.jsonl ]
}

@test "wrong usage is refused by name and value" {
  run "$MEMGROWTH" record --interval=0s
  [ "$status" -eq 2 ]
  [[ "$output" == *"--interval=0s: not a time above 0"* ]]
  run "$MEMGROWTH" record --threshold=-1
  [ "$status" -eq 2 ]
  run "$MEMGROWTH" record --source=magic
  [ "$status" -eq 2 ]
  [[ "$output" == *"tp_btf"* ]]
  run "$MEMGROWTH" record --cgroup=/no/such
  [ "$status" -eq 2 ]
  [[ "$output" == *"/no/such"* ]]
  run "$MEMGROWTH" frobnicate
  [ "$status" -eq 2 ]
  run "$MEMGROWTH" record --ring-size=5000
  [ "$status" -eq 2 ]
  run "$MEMGROWTH" watch --patience=127s --duration=1s
  [ "$status" -eq 2 ]
  [[ "$output" == *"--patience=127s: not a time from 128s to 1h"* ]]
  run "$MEMGROWTH" record --patience=10min -o quiet.jsonl --duration=1s
  [ "$status" -eq 2 ]
  [[ "$output" == *"--detections=FILE"* ]]
  [ ! -e quiet.jsonl ]
  run "$MEMGROWTH" ledger --patience=10min
  [ "$status" -eq 2 ]
}

@test "an empty --cgroup, as of a container that does not run, is not the whole host" {
  for command in watch record ledger; do
    run -2 timeout 5 "$MEMGROWTH" "$command" --cgroup ""
    [[ "$output" == *"--cgroup=: is empty"*"does not run: start it"* ]]
  done
}

@test "damaged recordings are refused with the line" {
  printf 'hello\n' >bad.jsonl
  run "$MEMGROWTH" replay bad.jsonl
  [ "$status" -eq 1 ]
  [[ "$output" == *"bad.jsonl:1: not JSON"* ]]
  : >empty.jsonl
  run "$MEMGROWTH" replay empty.jsonl
  [ "$status" -eq 1 ]
  run "$MEMGROWTH" replay missing.jsonl
  [ "$status" -eq 1 ]
  [[ "$output" == *"missing.jsonl"* ]]
}

@test "without privileges the message says what is missing, and doctor too" {
  cp "$MEMGROWTH" ./memgrowth
  chmod 755 . ./memgrowth
  run setpriv --reuid=65534 --regid=65534 --clear-groups ./memgrowth watch -d 1s
  [ "$status" -eq 3 ]
  [[ "$output" == *"CAP_BPF"* ]]
  run setpriv --reuid=65534 --regid=65534 --clear-groups ./memgrowth doctor
  [ "$status" -eq 3 ]
  [[ "$output" == *"FAIL  privileges"* ]]
}

@test "CAP_BPF and CAP_PERFMON are enough" {
  cp "$MEMGROWTH" ./memgrowth
  chmod 755 . ./memgrowth
  run setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all,+bpf,+perfmon \
    --ambient-caps=-all,+bpf,+perfmon ./memgrowth record -d 1s -o /dev/null
  [ "$status" -eq 0 ]
}

@test "doctor passes on this host" {
  run "$MEMGROWTH" doctor
  [ "$status" -eq 0 ]
  [[ "$output" == *"PASS  tp_btf"* ]]
}

@test "watch prints lines for people until its time is over" {
  "$MEMGEN" linear --rate=8MiB/s --start-delay=2s --duration=8s >truth.jsonl 3>&- &
  run "$MEMGROWTH" watch --duration=5s
  wait
  [ "$status" -eq 0 ]
  [[ "$output" == *"growing raised"*"memgen"* ]]
}

# The inner shell expands $0, on purpose.
# shellcheck disable=SC2016
@test "without BTF it says so and names the way out" {
  # A private mount namespace, in which the kernel's BTF is hidden.
  run unshare --mount sh -c 'mount -t tmpfs none /sys/kernel/btf && exec "$0" record -d 1s' "$MEMGROWTH"
  [ "$status" -eq 3 ]
  [[ "$output" == *"no BTF"*"--source=proc"* ]]
  run unshare --mount sh -c 'mount -t tmpfs none /sys/kernel/btf && exec "$0" record -d 1s \
    --source=proc -o /dev/null' "$MEMGROWTH"
  [ "$status" -eq 0 ]
}

@test "samples and detections are not written into each other" {
  run -2 "$MEMGROWTH" record -d 1s --output both.jsonl --detections both.jsonl
  [[ $output == *'--output and --detections are both "both.jsonl"'* ]]
  [ ! -e both.jsonl ]
}

@test "a scope is named as the kernel spells it, however it is given" {
  mount=$("$MEMGROWTH" doctor --json | jq -r 'select(.check == "cgroups").detail' | sed 's/.* at //')
  group=leaklab-test-$BASHPID
  mkdir "$mount/$group"
  for scope in "$group" "/$group/" "//$group" "$mount/$group/"; do
    "$MEMGROWTH" record -d 100ms --source=proc --cgroup "$scope"
  done | jq -r 'select(.type == "header").scope' >scopes
  rmdir "$mount/$group"
  [ "$(cat scopes)" = "$(printf "/$group\n%.0s" 1 2 3 4)" ]
  "$MEMGROWTH" record -d 100ms --cgroup "$mount" >samples.jsonl
  grep -q '"scope":"/"' samples.jsonl
  [ "$(grep -c '"type":"rss"' samples.jsonl)" -gt 1 ]
}

@test "in a PID namespace of its own it says so instead of naming others' processes" {
  run -3 unshare --pid --fork --mount-proc "$MEMGROWTH" record -d 1s -o samples.jsonl
  [[ $output == *"PID namespace"*"--pid=host"* ]]
}
