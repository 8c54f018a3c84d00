#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# How fast `memgrowth replay` goes through a recording: reading JSONL, detecting, writing.
#
# usage: tests/bench/replay.sh BUILD
set -eu

build=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"$build/memgen" linear --rate=100KiB/s --simulate=samples --duration=3h --interval=100ms \
	--jitter=20 --seed=7 > "$dir/samples.jsonl"
lines=$(wc -l < "$dir/samples.jsonl")
start=$(date +%s%N)
"$build/memgrowth" replay -o "$dir/detections.jsonl" "$dir/samples.jsonl"
took=$(($(date +%s%N) - start))
echo "replay: $lines records of JSONL in $((took / 1000000)) ms, $((lines * 1000000 / (took / 1000))) a second"
