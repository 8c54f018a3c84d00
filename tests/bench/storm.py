#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
What a page fault costs while somebody watches, on the worst storm: many short storms, with each
observer in turn and without any before and after it. Figures are differences within one round.
"""
import argparse
import json
import math
import os
import random
import shutil
import statistics
import subprocess
import sys
import time

import observers
import paired

STORM_MS = 200
COPIES = 16
SHARP = ["empty", "ours", "ours_each"]
PARTS = ["empty", "pid", "clock", "jiffies", "hash", "task_storage", "percpu_array", "global_slot",
         "global_slot_jiffies", "ours", "ours_each", "shared_counter", "counters", "cgroup"]


def storm(build, threads):
    text = subprocess.run([f"{build}/tests/bench/storm", f"--threads={threads}",
                           f"--duration={STORM_MS}ms"], check=True, capture_output=True).stdout
    return json.loads(text)


def storms(build):
    return {"one": storm(build, 1), "all": storm(build, "all")}


def watched(build, observer):
    """One storm of each kind beside @observer, and its own CPU time meanwhile."""
    try:
        observer.start()
        began_ns, began_cpu_ns = time.monotonic_ns(), observer.cpu_ns()
        figures = storms(build)
        spent_ns = observer.cpu_ns() - began_cpu_ns
        figures["observer_cpu"] = spent_ns / (time.monotonic_ns() - began_ns)
        figures["observer_ns"] = spent_ns / sum(figures[k]["faults"] for k in ("one", "all"))
        figures["written"] = observer.written_bytes()
    finally:
        observer.stop()
    return figures


def run_round(build, variants, rng):
    """Returns {key: figures}; "none" is the median of all storms without an observer."""
    order = rng.sample(variants, len(variants))
    alone, result = [storms(build)], {}
    for observer in order:
        figures = watched(build, observer)
        alone.append(storms(build))
        for kind in ("one", "all"):
            for unit in ("cpu_ns", "wall_ns"):
                before = (alone[-2][kind][unit] + alone[-1][kind][unit]) / 2
                added = (figures[kind][unit] - before) / observer.copies
                result[f"{observer.key}.{kind}.{unit}"] = added
        for name in ("observer_cpu", "observer_ns", "written"):
            result[f"{observer.key}.{name}"] = figures[name]
    for kind in ("one", "all"):
        for unit in ("cpu_ns", "wall_ns", "faults_per_s"):
            result[f"none.{kind}.{unit}"] = statistics.median(a[kind][unit] for a in alone)
    return result


def triple(rounds, figure):
    found = paired.median_interval(rounds, figure)
    return {name: value if math.isfinite(value) else None
            for name, value in zip(("value", "low", "high"), found)}


def summarise(rounds, variants):
    rows = []
    for observer in variants:
        row = {"key": observer.key, "title": observer.title, "command": observer.command(),
               "copies": observer.copies}
        for kind in ("one", "all"):
            key = f"{observer.key}.{kind}.cpu_ns"
            row[kind] = {
                "added_ns": triple(rounds, paired.median_of(key)),
                "ratio_to_empty": triple(rounds, paired.ratio_of(key, f"empty.{kind}.cpu_ns")),
                "slower": triple(rounds, paired.ratio_of(key, f"none.{kind}.cpu_ns")),
                "elapsed": triple(rounds, paired.ratio_of(f"{observer.key}.{kind}.wall_ns",
                                                          f"none.{kind}.wall_ns")),
            }
        row["observer_cpu"] = triple(rounds, paired.median_of(f"{observer.key}.observer_cpu"))
        row["observer_ns"] = triple(rounds, paired.median_of(f"{observer.key}.observer_ns"))
        row["written_bytes"] = statistics.median(r[f"{observer.key}.written"] for r in rounds)
        rows.append(row)
    none = {kind: {unit: triple(rounds, paired.median_of(f"none.{kind}.{unit}"))
                   for unit in ("cpu_ns", "faults_per_s")} for kind in ("one", "all")}
    return {"rounds": len(rounds), "storm_ms": STORM_MS, "none": none, "observers": rows}


def span(figure, digits=0, scale=1):
    value, low, high = ("unknown" if figure[k] is None else f"{figure[k] * scale:.{digits}f}"
                        for k in ("value", "low", "high"))
    return f"{value} ({low} to {high})"


def markdown(summary):
    none, rows = summary["none"], summary["observers"]
    lines = [
        f"Without an observer a fault costs {span(none['one']['cpu_ns'])} ns on one CPU and "
        f"{span(none['all']['cpu_ns'])} ns with a storm on each CPU "
        f"({none['all']['faults_per_s']['value']:,.0f} faults a second in all). "
        f"{summary['rounds']} rounds; medians, with 95 % intervals.",
        "",
        *([f"Each program is on the hook {COPIES} times, every copy with maps of its own; figures are "
           "of one copy.", ""] if rows[0]["copies"] > 1 else []),
        "| observer | one CPU: ns added | / empty | all CPUs: ns added | / empty | "
        "all CPUs: longer by | its own CPU |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        lines.append(
            f"| {row['title']} | {span(row['one']['added_ns'])} | "
            f"{span(row['one']['ratio_to_empty'], 2)} | {span(row['all']['added_ns'])} | "
            f"{span(row['all']['ratio_to_empty'], 2)} | {span(row['all']['elapsed'], 1, 100)} % | "
            f"{row['observer_cpu']['value'] * 100:.1f} % |")
    lines += ["", "Each observer, as it was started:", ""]
    lines += [f"- {row['title']}: `{row['command']}`" for row in rows]
    return "\n".join(lines) + "\n"


def choose(args):
    known = [observers.hook(args.build, "empty", "empty program, tp_btf"),
             *observers.ours(args.build),
             observers.hook(args.build, "empty_classic", "empty program, classic tracepoint"),
             observers.hook(args.build, "sampler", "iterator on a timer, 10 Hz, no hook"),
             *observers.peers(args.build)]
    if args.other:
        known.insert(2, observers.memgrowth(args.build, "other", "another build",
                                            program=args.other))
    if args.parts or args.sharp:
        known = [observers.hook(args.build, p, p, COPIES) for p in (PARTS if args.parts else SHARP)]
    if not args.only:
        return known
    names = args.only.split(",")
    for name in names:
        if name not in [o.key for o in known]:
            sys.exit(f"storm.py: --only={name}: there is no such observer "
                     f"({', '.join(o.key for o in known)})")
    return [o for o in known if o.key in names]


def mount_tracefs():
    """perf and bpftrace want it mounted: for this process alone, nothing is left behind."""
    if os.environ.get("LEAKLAB_BENCH_MOUNTS") != "private":
        os.environ["LEAKLAB_BENCH_MOUNTS"] = "private"
        os.execvp("unshare", ["unshare", "--mount", "--propagation=private", sys.executable,
                              *sys.argv])
    subprocess.run(["mount", "-t", "tracefs", "tracefs", "/sys/kernel/tracing"], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--only", help="observers, by comma; \"empty\" must be among them")
    parser.add_argument("--other", help="another build's memgrowth, to compare with")
    copied = parser.add_mutually_exclusive_group()
    copied.add_argument("--parts", action="store_true",
                        help=f"the parts of a program instead, {COPIES} copies of each")
    copied.add_argument("--sharp", action="store_true",
                        help=f"{COPIES} copies of the empty program and of ours instead")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("storm.py: loads BPF programs: run it as root")
    mount_tracefs()
    args.build = os.path.abspath(args.build)
    variants, rng = choose(args), random.Random(args.seed)
    for observer in variants:
        if not shutil.which(observer.argv[0]):
            sys.exit(f"storm.py: {observer.argv[0]}: not there; `make bench` installs it")
    rounds = []
    for n in range(args.rounds):
        if sys.stderr.isatty():
            print(f"\rround {n + 1} of {args.rounds}", end="", file=sys.stderr)
        rounds.append(run_round(args.build, variants, rng))
    summary = summarise(rounds, variants)
    name = "parts" if args.parts else "sharp" if args.sharp else "storm"
    os.makedirs(f"{args.build}/bench", exist_ok=True)
    with open(f"{args.build}/bench/{name}.json", "w") as f:
        json.dump({"summary": summary, "rounds": rounds}, f, indent=1)
    with open(f"{args.build}/bench/{name}.md", "w") as f:
        f.write(markdown(summary))
    print(markdown(summary), end="")


if __name__ == "__main__":
    try:
        main()
    except observers.Broken as e:
        sys.exit(f"storm.py: {e}")
