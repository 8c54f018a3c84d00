#!/usr/bin/env bats
# What `make install` puts where, and that the scripts which make images leave nothing behind.

bats_require_minimum_version 1.5.0

setup() {
  ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
  BUILD=$(realpath "${BUILD:-build}")
  cd "$BATS_TEST_TMPDIR" || return
}

# Prints the relative links of a Markdown file that lead nowhere.
dead_links() {
  local link
  while read -r link; do
    [ -e "$(dirname "$1")/$link" ] || echo "$1: $link"
  done < <(grep -oE '\]\([^):# ]+[)#]' "$1" | sed -E 's/^\]\(//; s/[)#]$//')
}

@test "install: the links of the installed documents resolve, and examples run" {
  MAKEFLAGS='' make --no-print-directory -C "$ROOT" BUILD="$BUILD" PREFIX=/usr \
    DESTDIR="$PWD/root" install >install.log
  doc=root/usr/share/doc/leaklab
  [ "$(grep -cE '\]\(docs/' "$doc/README.md")" -gt 10 ]
  for file in "$doc/README.md" "$doc"/docs/*.md; do
    # Two of docs/ lead into the source tree, which is not installed.
    dead_links "$file" | grep -vE 'docs/[a-z-]+\.md: \.\./(\.github|scenarios)/' >>dead || :
  done
  cat dead
  [ ! -s dead ]
  "$doc/docs/examples/own-detector.py" </dev/null | grep -q leaklab.detections
  root/usr/bin/leaklab list | grep -q burst
}

@test "documents: the container of the README's first example grows until its limit" {
  sed -n '/^    \$ sudo podman run .* web /,/--duration/p' "$ROOT/README.md" >shown
  grep -q -- '--memory 64m' shown
  read -ra options < <(tail -n 1 shown)
  "$BUILD/memgen" "${options[@]}" --simulate=truth --interval=1s >truth.jsonl
  jq -es 'map(select(.type == "step").retained_bytes // 0) | max > 64 * 1048576' truth.jsonl
}

# A podman that notes what it was given to build, and ends with $1.
use_podman() {
  mkdir bin tmp
  # shellcheck disable=SC2016 # for the script
  printf '#!/bin/sh\nfor work; do :; done\nls "$work" >seen\nexit %s\n' "$1" >bin/podman
  chmod +x bin/podman
  export PATH=$PWD/bin:$PATH TMPDIR=$PWD/tmp
}

@test "install: the scripts of the images work in a folder of their own and remove it" {
  use_podman 0
  "$ROOT/containers/build-memgen.sh" "$BUILD/memgen"
  grep -q memgen seen
  "$ROOT/containers/build-stress-ng.sh"
  grep -q root seen
  "$ROOT/containers/build-real.sh"
  grep -q app seen
  [ -z "$(ls tmp)" ]
  mkdir precious
  run -2 "$ROOT/containers/build-memgen.sh" "$BUILD/memgen" precious
  [ -d precious ]
}

@test "install: so they do when podman fails" {
  use_podman 1
  run -1 "$ROOT/containers/build-memgen.sh" "$BUILD/memgen"
  [ -z "$(ls tmp)" ]
}
