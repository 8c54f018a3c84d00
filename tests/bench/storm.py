#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
What a page fault costs while somebody watches, on the worst storm: many short storms, with each
observer in turn and without any before and after it. A cost is always relative to the two storms
beside it.
"""
import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import time

import observers
import paired
import results

STORM_MS = 200
COPIES = 16
KINDS = ("one", "all")
UNITS = ("cpu_ns", "wall_ns")
# The speed of a virtual machine jumps. Where the storms without the observer, one before and one
# after it, differ by more than this, nobody knows which of them is to be compared with.
MATCHED = 0.08
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
        figures["written"] = observer.written_bytes()
    finally:
        observer.stop()
    return figures


def cost(watched_ns, before_ns, after_ns, copies):
    """Of one copy, as a share of a fault without it."""
    return (2 * watched_ns / (before_ns + after_ns) - 1) / copies


def is_matched(before, after):
    return abs(after["cpu_ns"] - before["cpu_ns"]) <= MATCHED * before["cpu_ns"]


def run_round(build, variants, rng):
    """{"alone": storms without an observer, key: {kind: {"cpu_ns", "wall_ns", "matched"}, ...}}"""
    order = rng.sample(variants, len(variants))
    alone, result = [storms(build)], {}
    for observer in order:
        figures = watched(build, observer)
        before, after = alone[-1], storms(build)
        alone.append(after)
        result[observer.key] = {name: figures[name] for name in ("observer_cpu", "written")}
        for kind in KINDS:
            result[observer.key][kind] = {
                unit: cost(figures[kind][unit], before[kind][unit], after[kind][unit],
                           observer.copies) for unit in UNITS}
            result[observer.key][kind]["matched"] = is_matched(before[kind], after[kind])
    result["alone"] = alone
    return result


def figure_of(key, kind, unit):
    """For paired.py: a round's cost, None where it is not known."""
    return lambda r: r[key][kind][unit] if r[key][kind]["matched"] else None


def known(rounds, figure):
    return [v for v in map(figure, rounds) if v is not None]


def more_than_empty(rounds, key, kind):
    """Differences within rounds: without a denominator that might be near zero."""
    ours, empty = figure_of(key, kind, "cpu_ns"), figure_of("empty", kind, "cpu_ns")
    return [ours(r) - empty(r) for r in rounds if None not in (ours(r), empty(r))]


def scaled(found, by):
    return paired.named(None if v is None else v * by for v in found)


def summarise(rounds, variants, left_out):
    def alone(kind, unit):
        return paired.named(paired.median(
            [statistics.median(a[kind][unit] for a in r["alone"]) for r in rounds]))
    fault = {kind: {unit: alone(kind, unit) for unit in ("cpu_ns", "faults_per_s")}
             for kind in KINDS}
    rows = []
    for observer in variants:
        key = observer.key
        row = {"key": key, "title": observer.title, "command": observer.command(),
               "copies": observer.copies}
        for kind in KINDS:
            spent = figure_of(key, kind, "cpu_ns")
            by = fault[kind]["cpu_ns"]["value"]
            row[kind] = {
                "rounds": len(known(rounds, spent)),
                "added_ns": scaled(paired.median(known(rounds, spent)), by),
                "more_than_empty_ns": scaled(paired.median(more_than_empty(rounds, key, kind)), by),
                "ratio_to_empty": paired.named(paired.ratio(
                    rounds, spent, figure_of("empty", kind, "cpu_ns"))),
                "slower": paired.named(paired.median(known(rounds, spent))),
                "elapsed": paired.named(paired.median(known(
                    rounds, figure_of(key, kind, "wall_ns")))),
            }
        for name in ("observer_cpu", "written"):
            row[name] = paired.named(paired.median([r[key][name] for r in rounds]))
        rows.append(row)
    return {"rounds": len(rounds), "storm_ms": STORM_MS, "none": fault, "observers": rows,
            "left_out": left_out}


def markdown(summary):
    none, rows = summary["none"], summary["observers"]
    lines = [
        f"Without an observer a fault costs {paired.text(none['one']['cpu_ns'])} ns on one CPU and "
        f"{paired.text(none['all']['cpu_ns'])} ns with a storm on each CPU "
        f"({none['all']['faults_per_s']['value']:,.0f} faults a second in all). "
        f"Medians of {summary['rounds']} rounds with 95 % intervals, of each observer those (the "
        "fewest stand in the first column) in which the storms before and after it agree.",
        "",
    ]
    if rows[0]["copies"] > 1:
        lines += [f"Each program is on the hook {COPIES} times, every copy with maps of its own; "
                  "figures are of one copy. What the hook costs once, however many are on it, is "
                  "shared by all of them, so \"/ empty\" is above that of a single program.", ""]
    lines += ["| observer | rounds | one CPU: ns added | more than empty | / empty | "
              "all CPUs: ns added | more than empty | / empty | all CPUs: longer by | "
              "its own CPU |",
              "|---|---|---|---|---|---|---|---|---|---|"]
    for row in rows:
        cells = [row["title"], str(min(row[k]["rounds"] for k in KINDS))]
        for kind in KINDS:
            cells += [paired.text(row[kind]["added_ns"]),
                      paired.text(row[kind]["more_than_empty_ns"]),
                      paired.text(row[kind]["ratio_to_empty"], 2)]
        cells += [paired.text(row["all"]["elapsed"], 1, 100) + " %",
                  f"{row['observer_cpu']['value'] * 100:.1f} %"]
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "Each observer, as it was started:", ""]
    lines += [f"- {row['title']}: `{row['command']}`" for row in rows]
    lines += [f"- left out: {why}" for why in summary["left_out"]]
    return "\n".join(lines) + "\n"


def choose(args):
    every = [observers.hook(args.build, "empty", "empty program, tp_btf"),
             *observers.ours(args.build),
             observers.hook(args.build, "empty_classic", "empty program, classic tracepoint"),
             observers.hook(args.build, "sampler", "iterator on a timer, 10 Hz, no hook"),
             *observers.peers(args.build)]
    if args.other:
        every.insert(2, observers.memgrowth(args.build, "other", "another build",
                                            program=args.other))
    if args.parts:
        every = [observers.hook(args.build, p, p, COPIES) for p in PARTS]
    if not args.only:
        return every
    names = args.only.split(",")
    for name in names:
        if name not in [o.key for o in every]:
            sys.exit(f"storm.py: --only={name}: there is no such observer"
                     f"{' without --other=FILE' if name == 'other' else ''} "
                     f"({', '.join(o.key for o in every)})")
    return [o for o in every if o.key in names or o.key == "empty"]


def mount_tracefs():
    """perf and bpftrace want it mounted: for this process alone, nothing is left behind."""
    if os.environ.get("LEAKLAB_BENCH_MOUNTS") != "private":
        os.environ["LEAKLAB_BENCH_MOUNTS"] = "private"
        os.execvp("unshare", ["unshare", "--mount", "--propagation=private", sys.executable,
                              *sys.argv])
    subprocess.run(["mount", "-t", "tracefs", "tracefs", "/sys/kernel/tracing"], check=True)


def that_start(variants):
    """
    Those that start on this host, and why the others do not: a kernel may lack what one needs.
    Without ours and what it is held against there is nothing to say.
    """
    able, left_out = [], []
    for observer in variants:
        if not shutil.which(observer.argv[0]):
            sys.exit(f"storm.py: {observer.argv[0]}: not there; `make deps-bench` installs what is "
                     "compared with, `make bench-programs` builds ours")
        try:
            observer.start()
            able.append(observer)
        except observers.Broken as e:
            if observer.key in ("empty", "ours"):
                raise
            left_out.append(f"{observer.title}: {e}")
            print(f"storm.py: left out: {observer.title}: {e}", file=sys.stderr)
        finally:
            observer.stop()
    return able, left_out


def main():
    parser = argparse.ArgumentParser(description=__doc__ + "Needs root.")
    results.add_build_option(parser)
    parser.add_argument("--rounds", type=int, default=30, metavar="N",
                        help=f"how often each observer has its turn, {paired.LEAST} or more "
                             "(default: %(default)s, of about 35 s each)")
    parser.add_argument("--only", metavar="NAMES",
                        help="observers, by comma, such as ours,perf; always \"empty\" too")
    parser.add_argument("--other", metavar="FILE",
                        help="the memgrowth of another build, as the observer \"other\"")
    parser.add_argument("--parts", action="store_true",
                        help=f"the parts of a program instead, {COPIES} copies of each")
    parser.add_argument("--seed", type=int, default=1, help="of the order (default: %(default)s)")
    args = parser.parse_args()
    results.check_build("storm.py", args.build, results.MEMGROWTH, results.HOOKS, results.STORM)
    if args.other and args.parts:
        sys.exit(f"storm.py: --other={args.other}: not with --parts, which has no collector")
    if args.other and not (os.path.isfile(args.other) and os.access(args.other, os.X_OK)):
        sys.exit(f"storm.py: --other={args.other}: no program; name the file memgrowth of another "
                 "build")
    if args.rounds < paired.LEAST:
        sys.exit(f"storm.py: --rounds={args.rounds}: below {paired.LEAST} there is no interval")
    mount_tracefs()
    args.build = os.path.abspath(args.build)
    variants, left_out = that_start(choose(args))
    rng, rounds = random.Random(args.seed), []
    result = results.Result(args.build, "parts" if args.parts else "storm")
    for n in range(args.rounds):
        if sys.stderr.isatty():
            print(f"\rround {n + 1} of {args.rounds} ", end="", file=sys.stderr)
        rounds.append(run_round(args.build, variants, rng))
    summary = summarise(rounds, variants, left_out)
    result.save(markdown(summary), {"summary": summary, "rounds": rounds})


if __name__ == "__main__":
    try:
        main()
    except observers.Broken as e:
        sys.exit(f"storm.py: {e}")
