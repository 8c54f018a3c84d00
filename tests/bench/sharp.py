#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
The collector's program on the hook beside an empty one, sharper than storm.py can: within one
process, a fraction of a second apart, without anybody who reads. A cost is relative to the storms
without a program at the beginning and at the end of the same round.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys

import observers
import paired
import results
import storm

PROGRAMS = [("empty", "empty program"), ("ours", "ours"),
            ("ours_each", "ours, each update looked at")]


def command(build, threads, rounds):
    return [f"{build}/tests/bench/alternate", f"--threads={threads}", f"--rounds={rounds}",
            *(key for key, _ in PROGRAMS)]


def run(build, threads, rounds):
    """Its rounds, of those in which the speed of the machine stood still."""
    done = subprocess.run(command(build, threads, rounds), capture_output=True, text=True)
    if done.returncode:
        raise observers.Broken(done.stderr.strip())
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return [r for r in found if storm.is_matched({"cpu_ns": r["before"]}, {"cpu_ns": r["after"]})]


def cost_of(key):
    return lambda r: storm.cost(r[key], r["before"], r["after"], 1)


def summarise(rounds):
    """Of one kind of storm."""
    fault_ns = statistics.median((r["before"] + r["after"]) / 2 for r in rounds)

    def nanoseconds(costs):
        return paired.named(None if v is None else v * fault_ns for v in paired.median(costs))
    empty = cost_of("empty")
    return {"rounds": len(rounds), "fault_ns": fault_ns, "programs": {
        key: {"added_ns": nanoseconds([cost_of(key)(r) for r in rounds]),
              "more_than_empty_ns": nanoseconds([cost_of(key)(r) - empty(r) for r in rounds]),
              "ratio_to_empty": paired.named(paired.ratio(rounds, cost_of(key), empty))}
        for key, _ in PROGRAMS}}


def markdown(summary, build):
    one, every = summary["one"], summary["all"]
    lines = [f"A fault costs {one['fault_ns']:.0f} ns on one CPU and {every['fault_ns']:.0f} ns "
             f"with a storm on each. Medians of {one['rounds']} and {every['rounds']} rounds with "
             "95 % intervals.", "",
             "| on the hook | one CPU: ns added | more than empty | / empty | all CPUs: ns added | "
             "more than empty | / empty |", "|---|---|---|---|---|---|---|"]
    for key, title in PROGRAMS:
        cells = [title]
        for kind in (one, every):
            row = kind["programs"][key]
            cells += [paired.text(row["added_ns"]), paired.text(row["more_than_empty_ns"]),
                      paired.text(row["ratio_to_empty"], 2)]
        lines.append(f"| {' | '.join(cells)} |")
    shown = " ".join(command(os.path.basename(os.path.abspath(build)), "all", "N"))
    return "\n".join(lines) + f"\n\nBy `{shown}`.\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__ + "Needs root.")
    results.add_build_option(parser)
    parser.add_argument("--rounds", type=int, default=300, metavar="N",
                        help="how often each has its turn (default: %(default)s, of 0.8 s each)")
    args = parser.parse_args()
    if args.rounds < paired.LEAST:
        sys.exit(f"sharp.py: --rounds={args.rounds}: below {paired.LEAST} there is no interval")
    results.check_build("sharp.py", args.build, results.MEMGROWTH, "tests/bench/alternate")
    result = results.Result(args.build, "sharp")
    rounds = {"one": run(args.build, 1, args.rounds), "all": run(args.build, "all", args.rounds)}
    if not all(rounds.values()):
        sys.exit("sharp.py: the speed of this machine stood still in no round; ask for more "
                 "--rounds")
    summary = {kind: summarise(found) for kind, found in rounds.items()}
    result.save(markdown(summary, args.build), {"summary": summary, "rounds": rounds})


if __name__ == "__main__":
    try:
        main()
    except observers.Broken as e:
        sys.exit(f"sharp.py: {e}")
