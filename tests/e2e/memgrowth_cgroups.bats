#!/usr/bin/env bats
# What a recording says of containers: real ones, many and short, their names, limits and ends.

bats_require_minimum_version 1.5.0

setup() {
  BUILD=${BUILD:-build}
  MEMGROWTH=$(realpath "$BUILD/memgrowth")
  [ "$(id -u)" -eq 0 ] || skip "needs root"
  MOUNT=$("$MEMGROWTH" doctor --json | jq -r 'select(.check == "cgroups").detail' | sed 's/.* at //')
  LIMIT_FILE=memory.max
  [ -e "$MOUNT/cgroup.controllers" ] || LIMIT_FILE=memory.limit_in_bytes
  IMAGE=localhost/leaklab-memgen
  podman image exists "$IMAGE"
  PARENT=leaklab-test-$BASHPID
  cd "$BATS_TEST_TMPDIR" || return
  # Where this podman keeps its names, whatever it was told.
  printf '[storage]\ngraphroot = "%s"\n' "$(podman info --format '{{.Store.GraphRoot}}')" >storage.conf
}

teardown() {
  for pid in ${RECORDER:-} ${WATCHER:-}; do
    ! kill -0 "$pid" 2>/dev/null || kill -KILL "$pid"
  done
  podman ps --all --quiet --filter "label=leaklab.test=$PARENT" | xargs -r podman rm --force >/dev/null
  # The runtime makes them in every hierarchy; conmon leaves its own a moment after its container.
  local left=
  for _ in $(seq 100); do
    left=$(awk '$3 ~ /^cgroup2?$/ { print $2 }' /proc/mounts | while read -r mount; do
      [ ! -d "$mount/$PARENT" ] || echo "$mount/$PARENT"
    done)
    [ -n "$left" ] || return 0
    # shellcheck disable=SC2086 # one word a hierarchy
    find $left -depth -type d -exec rmdir {} + 2>rmdir.log || sleep 0.1
  done
  cat rmdir.log >&2
  return 1
}

start_recorder() {
  mkfifo ready
  CONTAINERS_STORAGE_CONF=$PWD/storage.conf "$MEMGROWTH" record --ready-fd 7 -o samples.jsonl "$@" 7>ready 2>recorder.log 3>&- &
  RECORDER=$!
  read -r line <ready
  [ "$line" = ready ]
}

stop_recorder() {
  kill -TERM "$RECORDER"
  wait "$RECORDER"
}

# run_container NAME [PODMAN-OPTION...] -- COMMAND...
run_container() {
  local name=$1 options=() runtime=() files processes
  shift
  while [ "$1" != -- ]; do
    options+=("$1")
    shift
  done
  shift
  # crun refuses hybrid hosts on which v2 has controllers.
  [ -e "$MOUNT/cgroup.controllers" ] || runtime=(--runtime runc)
  # Without CAP_SYS_RESOURCE podman's own, larger ones are refused.
  files=$(ulimit -Hn) processes=$(cat /proc/sys/kernel/pid_max)
  podman --cgroup-manager cgroupfs "${runtime[@]}" run --name "$name" \
    --label "leaklab.test=$PARENT" --network=none --ulimit "nofile=$files:$files" \
    --ulimit "nproc=$processes:$processes" "${options[@]}" "$IMAGE" "$@"
}

# Reads what the watcher says until it has said it.
wait_for() {
  local line said=

  while read -r -t 30 -u "$words" line; do
    [[ $line != *"$1"* ]] || return 0
    said+=$line$'\n'
  done
  echo "the watcher never said: $1; it said: $said" >&2
  return 1
}

# Descriptors of the recorder once no container is left, that is, when their last process is gone
# from the hierarchy and a tick later: a recorder follows at once.
count_when_quiet() {
  for _ in $(seq 100); do
    [ -n "$(find "$MOUNT/$PARENT" -name cgroup.procs -exec cat {} +)" ] || break
    sleep 0.1
  done
  ticks=$(grep -c '"type":"tick"' samples.jsonl)
  while [ "$(grep -c '"type":"tick"' samples.jsonl)" -lt $((ticks + 2)) ]; do sleep 0.1; done
  find "/proc/$RECORDER/fd" -mindepth 1 | wc -l
}

@test "two hundred short containers: each with its path, name, limit and end" {
  mkdir "$MOUNT/$PARENT"
  # Others on this host have cgroups that come and go, and open files, as well.
  start_recorder --cgroup "/$PARENT"
  # The first one leaves conmon's cgroup, which the others use.
  run_container "$PARENT-0" --rm --cgroup-parent "/$PARENT" -- --list >/dev/null
  before=$(count_when_quiet)
  for i in $(seq 200); do
    run_container "$PARENT-$i" --rm --cidfile "id-$i" --cgroup-parent "/$PARENT" --memory "$((16 + i % 50))m" \
      --memory-swap "$((16 + i % 50))m" -- --list >/dev/null
  done
  after=$(count_when_quiet)
  stop_recorder
  [ "$before" -eq "$after" ]
  for i in $(seq 200); do
    printf '{"name":"%s","id":"%s","limit":%d}\n' "$PARENT-$i" "$(cat "id-$i")" \
      $(((16 + i % 50) * 1024 * 1024))
  done >expected.jsonl
  # Of each: the last word on it, its processes, and its end.
  jq -c 'select(.type == "cgroup" or .type == "cgroup_end" or .type == "process")' samples.jsonl >told.jsonl
  jq -n --slurpfile told told.jsonl --slurpfile expected expected.jsonl '
    ($told | map(select(.type == "cgroup_end").cgroup)) as $ends |
    ($told | map(select(.type == "process").cgroup) | group_by(.) | map({key: "\(.[0])", value: length}) |
      from_entries) as $processes |
    ($told | map(select(.type == "cgroup" and .container != null)) | group_by(.cgroup) |
      map(.[-1]) | map({key: .container.id, value: .}) | from_entries) as $last |
    $expected[] | . as $e | $last[$e.id] as $l |
    select(($l == null) or $l.container.name != $e.name or $l.container.runtime != "podman" or
      ($l.path | contains($e.id) | not) or $l.limit_bytes != $e.limit or $l.limit_cgroup != $l.path or
      $l.swap_limit_bytes != 0 or $l.limit_unknown or
      ($ends | index($l.cgroup)) == null or ($processes["\($l.cgroup)"] // 0) == 0) |
    {expected: $e, recorded: $l}' >wrong.json
  [ ! -s wrong.json ] || { cat wrong.json >&2; return 1; }
  jq -es '.[-1] | .type == "end" and .lost == 0' samples.jsonl
  # Nothing is left of them.
  for i in $(seq 200); do
    [ -z "$(find "$MOUNT/$PARENT" -name "libpod-$(cat "id-$i")*")" ]
  done
}

@test "a limit on an ancestor is named as the binding one" {
  mkdir "$MOUNT/$PARENT"
  echo $((48 << 20)) >"$MOUNT/$PARENT/$LIMIT_FILE"
  start_recorder --cgroup "/$PARENT"
  run_container "$PARENT-a" --rm --cidfile id --cgroup-parent "/$PARENT" --memory 200m \
    --memory-swap 200m -- --list >/dev/null
  stop_recorder
  jq -es --arg id "$(cat id)" --arg parent "/$PARENT" --argjson limit $((48 << 20)) '
    [.[] | select(.type == "cgroup" and .container.id == $id)][-1] |
    .limit_cgroup == $parent and .limit_bytes == $limit and (.path | contains($id))' samples.jsonl
}

@test "a limit that is changed while it binds is followed within about a second" {
  mkdir "$MOUNT/$PARENT"
  start_recorder --cgroup "/$PARENT"
  mkfifo words
  CONTAINERS_STORAGE_CONF=$PWD/storage.conf "$MEMGROWTH" watch --cgroup "/$PARENT" >words 2>&1 3>&- &
  WATCHER=$!
  exec {words}<words
  wait_for "watching"
  run_container "$PARENT-b" --detach --cidfile id --cgroup-parent "/$PARENT" --memory 128m \
    --memory-swap 128m -- steady --size=8MiB --duration=60s >/dev/null
  wait_for "limit of $PARENT-b changed from none to 128 MiB"
  dir=$(find "$MOUNT/$PARENT" -name "libpod-$(cat id)*" -type d | head -n 1)
  changed=$(jq -n '$t' --argjson t "$(($(sed 's/\([0-9]*\)\.\([0-9]*\) .*/\1\20/' /proc/uptime) * 1000000))")
  echo $((96 << 20)) >"$dir/$LIMIT_FILE"
  wait_for "limit of $PARENT-b changed from 128 MiB to 96.0 MiB"
  # The recorder looks at times of its own.
  for _ in {1..100}; do
    ! grep -q "\"limit_bytes\":$((96 << 20))," samples.jsonl || break
    sleep 0.1
  done
  grep -q "\"limit_bytes\":$((96 << 20))," samples.jsonl
  kill -TERM "$WATCHER"
  wait "$WATCHER"
  stop_recorder
  podman rm --force --time 0 "$PARENT-b" >/dev/null
  jq -es --argjson changed "$changed" --argjson limit $((96 << 20)) --arg id "$(cat id)" '
    [.[] | select(.type == "cgroup" and .container.id == $id and .limit_bytes == $limit)][0].t_ns -
    $changed | . > -1e8 and . < 2.5e9' samples.jsonl
}

@test "after lost records: the living are found with their limits, and the ends of the dead" {
  mkdir "$MOUNT/$PARENT"
  [ "$LIMIT_FILE" != memory.max ] || echo +memory >"$MOUNT/$PARENT/cgroup.subtree_control"
  start_recorder --cgroup "/$PARENT" --ring-size 4KiB
  kill -STOP "$RECORDER"
  for i in $(seq 60); do
    mkdir "$MOUNT/$PARENT/$i"
    echo $(((16 + i) << 20)) >"$MOUNT/$PARENT/$i/$LIMIT_FILE"
    # The births of the first few find room; of their ends nothing is told.
    [ "$i" -ne 30 ] || rmdir "$MOUNT/$PARENT"/{1..10}
  done
  kill -CONT "$RECORDER"
  for _ in $(seq 100); do
    [ "$(grep -c '"type":"cgroup_end"' samples.jsonl)" -lt 10 ] || break
    sleep 0.1
  done
  stop_recorder
  jq -es --arg parent "/$PARENT" '
    (map(select(.type == "cgroup")) | group_by(.cgroup) | map(.[-1])) as $last |
    (map(select(.type == "cgroup_end").cgroup)) as $ends |
    any(.[]; .type == "loss") and
    ([range(11; 61) | . as $i | $last[] | select(.path == "\($parent)/\($i)" and .limit_cgroup == .path and
      .limit_bytes == (16 + $i) * 1048576 and (.cgroup as $c | $ends | index($c) == null))] | length) == 50 and
    all($last[] | select(.path | test("/([1-9]|10)$")); .cgroup as $c | $ends | index($c) != null)' samples.jsonl
}
