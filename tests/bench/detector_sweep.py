#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""How well a detector does, pattern by pattern, over simulated runs in virtual time.

For each case memgen simulates the truth and the samples with several seeds, jitters and sampling
intervals; `leaklab score` judges the detector over all of it. A simulated collector is exact and
nobody else is in the process, so what fails here fails for good; what passes may still fail on a
real machine. Prints one line a case; asserts nothing.

Usage: detector_sweep.py [--build=DIR] [--detector=CMD] [--seeds=N] [--only=TEXT] [--keep=DIR]
"""
import argparse
import concurrent.futures
import json
import os
import statistics
import subprocess
import sys
import tempfile

RATES = ["10KB/s", "100KB/s", "1MB/s", "10MB/s"]
JITTERS = [0, 10, 30]
INTERVALS = ["100ms", "250ms", "1s"]


def cases():
    """(pattern, label, options, seconds from onset)"""
    for rate in RATES:
        yield "linear", rate, [f"--rate={rate}"], 300 if rate == "10KB/s" else 80
    yield "accelerating", "i MB/s", ["--unit=1MB"], 70
    yield "accelerating", "i*10KB/s", ["--unit=10KB"], 90
    yield "accelerating", "1MiB/4s", ["--unit=1MiB", "--every=4s"], 90
    yield "accelerating", "exp 10s", ["--curve=exponential", "--doubling=10s", "--unit=64KiB"], 70
    for rate in RATES:
        yield "oscillating", f"{rate} 5s/5s", [f"--rate={rate}"], 300 if rate == "10KB/s" else 80
    yield "oscillating", "1MB/s 3s/9s", ["--rate=1MB/s", "--grow=3s", "--flat=9s"], 90
    yield "burst", "50MB/20s", ["--size=50MB"], 90
    yield "burst", "1MB/10s", ["--size=1MB", "--every=10s"], 90
    yield "burst", "50MB/20s ramp", ["--size=50MB", "--ramp=2s"], 90
    yield "burst", "10MB/60s", ["--size=10MB", "--every=60s"], 600
    yield "steady", "50MiB", [], 600
    for tau in (3, 10, 20, 40):
        yield "warmup", f"tau {tau}s", [f"--tau={tau}s"], 300
    for ramp in (10, 30):
        yield "warmup", f"ramp {ramp}s", [f"--ramp={ramp}s", "--size=30MiB"], 300
    for tooth in (2, 10, 30, 60):
        yield ("sawtooth", f"tooth {tooth}s",
               ["--floor=10MiB", f"--size={10 + tooth}MiB"], 600)
    yield "churn", "20MiB", [], 600
    yield "churn", "500MiB", ["--size=500MiB", "--rate=50MiB/s"], 600
    for every, hold in ((20, 5), (60, 20), (25, 20)):
        yield "spike", f"{hold}s of {every}s", [f"--every={every}s", f"--hold={hold}s"], 600
    for fill in (5, 20, 40):
        yield "cache", f"fills {fill}s", ["--rate=2MiB/s", f"--size={2 * fill}MiB"], 300


def simulate(memgen, options, kind, path):
    with open(path, "w", encoding="utf-8") as out:
        subprocess.run([memgen, *options, f"--simulate={kind}"], stdout=out, check=True)


def make_run(memgen, where, pattern, options, seconds, number):
    """Simulates run @number of a case as a run directory; which jitter and interval it has
    follows from its number."""
    delay_ms = 5000 + number * 3700 % 16000  # so that onsets fall anywhere in a bucket
    seconds += delay_ms / 1000
    options = [pattern, *options, f"--duration={seconds}s", f"--start-delay={delay_ms}ms",
               f"--jitter={JITTERS[number % len(JITTERS)]}", f"--seed={number + 1}"]
    interval = INTERVALS[number // len(JITTERS) % len(INTERVALS)]
    os.makedirs(f"{where}/truth")
    simulate(memgen, options, "truth", f"{where}/truth/memgen.jsonl")
    simulate(memgen, [*options, f"--interval={interval}"], "samples", f"{where}/samples.jsonl")
    end_ns = int((seconds + 1) * 10**9)
    run = {
        "format": "leaklab.run", "version": 1, "scenario": "sweep", "seed": number,
        "revision": "sweep", "started_ns": 10**9, "ended_ns": end_ns, "started_wall_ns": 10**9,
        "status": "complete", "status_reason": None, "host": {},
        "collector": {"command": ["memgen"], "exit_code": 0}, "gates": {},
        "workloads": [{
            "instance": "memgen", "workload": "memgen", "judged": True,
            "truth": "truth/memgen.jsonl", "cgroup_path": "/memgen", "limit_bytes": None,
            "limit_cgroup": None, "started_ns": 10**9, "ended_ns": end_ns,
            "processes": [{"pid": 1, "ns_pid": 1}], "exit_code": 0, "oom_killed": False,
            "expected_oom": False, "broken": None}]}
    with open(f"{where}/run.json", "w", encoding="utf-8") as out:
        json.dump(run, out)


def score(args, runs):
    found = subprocess.run([f"{args.build}/leaklab", "score", "--json", "--detector",
                            args.detector, *runs], stdout=subprocess.PIPE, check=False)
    if not found.stdout:
        sys.exit(f"detector_sweep.py: leaklab score exited with {found.returncode}")
    return json.loads(found.stdout)


def run_case(args, where, case):
    pattern, _label, options, seconds = case
    runs = []
    for number in range(args.seeds):
        runs.append(f"{where}/{number}")
        make_run(f"{args.build}/memgen", runs[-1], pattern, options, seconds, number)
    return case, score(args, runs)


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))]


def show_latency(units, tier):
    """Median and 95th percentile; a miss is later than any."""
    times = [u[tier]["latency_s"] if u[tier]["detected"] else float("inf") for u in units]
    return " ".join("missed" if t == float("inf") else f"{t:.1f}"
                    for t in (percentile(times, 0.5), percentile(times, 0.95)))


def show_rate(units, tier):
    errors = [100 * u[tier]["rate_at_end"]["error"] for u in units if u[tier].get("rate_at_end")]
    if not errors:
        return "-"
    return f"{statistics.median(errors):+.1f} {percentile([abs(e) for e in errors], 0.95):.1f}"


def show(case, result):
    units = [u for u in result["units"] if not u["broken"]]
    leak = case[0] in ("linear", "accelerating", "oscillating", "burst")
    stated = {}
    for unit in units:
        name = unit["pattern_stated"] or "-"
        stated[name] = stated.get(name, 0) + 1
    right = stated.get(case[0], 0)
    print(f"{case[0]:13}{case[1]:15}{case[3]:5d}{len(units):4d}"
          f"{show_latency(units, 'growing') if leak else '-':>13}"
          f"{show_latency(units, 'leak') if leak else '-':>14}"
          f"{sum(u['growing']['false_alarms'] > 0 for u in units):6d}"
          f"{sum(u['leak']['false_alarms'] > 0 for u in units):6d}"
          f"{sum(u['growing']['withdrawn'] for u in units) / max(1, len(units)):8.1f}"
          f"{sum(u['leak']['withdrawn'] for u in units) / max(1, len(units)):7.1f}"
          f"{show_rate(units, 'leak') if leak else '-':>13}"
          f"{f'{right}/{len(units)}' if leak else '-':>8}  "
          + " ".join(f"{name} {count}" for name, count in
                     sorted(stated.items(), key=lambda item: -item[1])
                     if name != case[0] or not leak), flush=True)


def sweep(args, where):
    chosen = [c for c in cases() if args.only in f"{c[0]} {c[1]}"]
    print("                                     growing s       leak s  runs with      withdrawn"
          "      rate error %  pattern")
    print("pattern      case               s   n   median p95    median p95  false   leak"
          "  per run   leak   median p95   right  said instead")
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        work = [pool.submit(run_case, args, f"{where}/{i}", case)
                for i, case in enumerate(chosen)]
        for done in work:
            show(*done.result())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build", help="where the programs are")
    parser.add_argument("--detector", help="default: memgrowth replay - of the build")
    parser.add_argument("--seeds", type=int, default=18, help="runs a case")
    parser.add_argument("--only", default="", help="cases whose name holds this text")
    parser.add_argument("--keep", help="leave the runs in this new folder")
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    args.detector = args.detector or f"{args.build}/memgrowth replay -"
    if args.keep:
        sweep(args, args.keep)
        return
    with tempfile.TemporaryDirectory() as where:
        sweep(args, where)


main()
