#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
What the collector's programs do in a storm: how often and how long each runs, how full the ring
gets, how many records come, and from which rate of them on some are lost.
"""
import argparse
import json
import os
import subprocess
import sys
import time

import observers
import programs
import results

# Finer and finer, until records are lost.
LADDER = [("100ms", "256KiB"), ("10ms", "4KiB"), ("1ms", "4KiB"), ("100us", "4KiB"),
          ("10us", "4KiB"), ("1us", "4KiB")]
SECONDS = 2


def storm(build):
    return subprocess.run([f"{build}/tests/bench/storm", "--threads=all",
                           f"--duration={SECONDS}s"], check=True, capture_output=True)


def spawns(build):
    return subprocess.run([f"{build}/tests/bench/spawns", "2000"], check=True)


WORKS = [("a storm on each CPU", storm), ("fork, exec and exit", spawns)]


def count_runs(build, title, work):
    """What each program did while @work ran."""
    stats, ours = programs.counting(build), observers.memgrowth(build, "ours", "ours")
    try:
        stats.start()
        ours.start()
        before, began = programs.runs(ours.process.pid), time.monotonic()
        work(build)
        after, seconds = programs.runs(ours.process.pid), time.monotonic() - began
    finally:
        ours.stop()
        stats.stop()
    return {"work": title, "seconds": seconds, "programs": [
        {"program": name, "runs_per_s": runs / seconds, "ns_per_run": ns / runs,
         "share_of_a_cpu": ns * 1e-9 / seconds}
        for name, (runs, ns) in programs.since(before, after).items()]}


def end_of(folder):
    """The last record of a recording: what was seen and lost in all."""
    path = os.path.join(folder, "samples")
    with open(path, "rb") as f:
        f.seek(max(0, os.path.getsize(path) - 4096))
        end = json.loads(f.read().splitlines()[-1])
    if end.get("type") != "end":
        raise observers.Broken(f"{path}: the recording has no end")
    return end


def step(build, ring, interval, threshold, title, work):
    """One work under one setting; rates are of the time that the work took."""
    ours = observers.memgrowth(build, "ours", "", f"--interval={interval}",
                               f"--threshold={threshold}", f"--ring-size={ring}")
    try:
        ours.start()
        began = time.monotonic()
        work(build)
        seconds = time.monotonic() - began
        end = ours.stop(read=end_of)
    finally:
        ours.stop()
    return {"work": title, "interval": interval, "threshold": threshold, "ring": ring,
            "updates_per_s": end["events"] / seconds, "looks_per_s": end["looks"] / seconds,
            "records_per_s": end["records"] / seconds,
            "ring_peak": end["ring_peak_bytes"] / end["ring_bytes"], "lost": end["lost"]}


def climb(build, ring):
    """One row a step of the ladder; of each work up to the first that loses records."""
    rows = []
    for title, work in WORKS:
        for interval, threshold in LADDER:
            rows.append(step(build, ring, interval, threshold, title, work))
            if rows[-1]["lost"]:
                break
    return rows


def markdown(result):
    lines = ["| while | program | runs a second | ns a run | share of one CPU |",
             "|---|---|---|---|---|"]
    for part in result["runs"]:
        lines += [f"| {part['work']} | `{p['program']}` | {p['runs_per_s']:,.0f} | "
                  f"{p['ns_per_run']:,.0f} | {p['share_of_a_cpu'] * 100:.2f} % |"
                  for p in part["programs"]]
    lines += ["", "A run's time has about 50 ns of the counting itself in it.", "",
              "A look is an update that finds its process in the map and writes to it; what a "
              "CPU's slot passes over is none. The ring's use is the most that one turn of the "
              "reader found in it.", "",
              "| while | ring | interval | threshold | updates seen a second | looks a second | "
              "records written a second | ring used | records lost |",
              "|---|---|---|---|---|---|---|---|---|"]
    for row in result["ladder"]:
        lines.append(f"| {row['work']} | {row['ring']} | {row['interval']} | {row['threshold']} | "
                     f"{row['updates_per_s']:,.0f} | {row['looks_per_s']:,.0f} | "
                     f"{row['records_per_s']:,.0f} | {row['ring_peak'] * 100:.1f} % | "
                     f"{row['lost']:,} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__ + "Needs root.")
    results.add_build_option(parser)
    args = parser.parse_args()
    results.check_build("events.py", args.build, results.MEMGROWTH, results.HOOKS, results.STORM,
                        results.SPAWNS)
    args.build = os.path.abspath(args.build)
    result = results.Result(args.build, "events")
    found = {
        "runs": [count_runs(args.build, title, work) for title, work in WORKS],
        "ladder": climb(args.build, "4MiB") + climb(args.build, "4KiB"),
    }
    result.save(markdown(found), found)


if __name__ == "__main__":
    try:
        main()
    except observers.Broken as e:
        sys.exit(f"events.py: {e}")
