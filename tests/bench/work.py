#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
What real work costs while the collector watches: each work alone and watched in blocks of four
(alone, watched, watched, alone, or the other way round), so that a drift of the machine falls out.
"""
import argparse
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import observers
import paired
import programs
import results


# One program under many names; Debian's redis-server only adds one, and a service that runs always.
REDIS = "/usr/bin/redis-check-rdb"
ACCOUNTS = 5


class Work:
    """
    Something to be timed. @before and @after run untimed, around all runs, @each before every one.
    @server: returns the process that does its part of the work and outlives the runs. A short work
    has @share times as many blocks as --blocks says, to take about as long in all.
    """

    def __init__(self, key, title, argv, before=None, after=None, each=None, server=None, share=1):
        self.key, self.title, self.argv, self.share = key, title, argv, share
        self.before, self.after, self.each, self.server = before, after, each, server

    def cpu_s(self):
        """What its processes have used up to now."""
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        served_ns = observers.cpu_ns_of(self.server().pid) if self.server else 0
        return used.ru_utime + used.ru_stime + served_ns * 1e-9

    def run(self):
        """Elapsed and CPU time in seconds."""
        if self.each:
            self.each()
        began, used_s = time.monotonic(), self.cpu_s()
        done = subprocess.run(self.argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        elapsed, used_s = time.monotonic() - began, self.cpu_s() - used_s
        if done.returncode:
            raise observers.Broken(f"{' '.join(self.argv)}: exit {done.returncode}: "
                                   f"{done.stderr.decode(errors='replace')[-500:]}")
        return elapsed, used_s


def compile_work(source, folder):
    out = f"{folder}/compiled"

    def forget():
        shutil.rmtree(out, ignore_errors=True)
        os.makedirs(out)
        open(f"{out}/.deps", "w").close()  # the packages are there
    return Work("compile", "compile of memgen (gcc -O2, all CPUs)",
                ["make", "--silent", f"--directory={source}", f"--jobs={os.cpu_count()}",
                 f"BUILD={out}", f"{out}/memgen"], each=forget)


def redis_work(folder, requests):
    socket, state = f"{folder}/redis.sock", {}

    def before():
        state["server"] = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--dir", folder],
            executable=REDIS, stdout=subprocess.DEVNULL)
        end = time.monotonic() + 20
        while subprocess.run(["redis-cli", "-s", socket, "ping"], capture_output=True).returncode:
            if time.monotonic() > end:
                raise observers.Broken("redis-server: does not answer")

    def after():
        state["server"].terminate()
        state["server"].wait()
    return Work("redis", "redis-benchmark, SET and GET over 100,000 keys",
                ["redis-benchmark", "-s", socket, "-q", "-t", "set,get", "-d", "512",
                 "-r", "100000", "-n", str(requests)], before, after,
                server=lambda: state["server"], share=3)


def works(build, folder, scale):
    return [
        compile_work(results.SOURCE, folder),
        redis_work(folder, int(30000 * scale)),
        Work("vm", "stress-ng --vm 2", ["stress-ng", "--quiet", "--vm", "2", "--vm-bytes", "128M",
                                        "--vm-ops", str(int(50000 * scale)), "--seed", "1"],
             share=3),
        Work("spawns", "fork, exec and exit of `true`",
             [f"{build}/tests/bench/spawns", str(int(1000 * scale))], share=3),
    ]


def run_block(work, observer, rng):
    """Ratios of watched over alone: elapsed time, CPU time, and that with the observer's own."""
    alone, watched, own_s = [], [], 0.0
    for is_watched in rng.choice(((0, 1, 1, 0), (1, 0, 0, 1))):
        if not is_watched:
            alone.append(work.run())
            continue
        try:
            observer.start()
            began_ns = observer.cpu_ns()
            watched.append(work.run())
            own_s += (observer.cpu_ns() - began_ns) * 1e-9
        finally:
            observer.stop()
    alone_s, alone_cpu_s = (sum(column) for column in zip(*alone))
    watched_s, watched_cpu_s = (sum(column) for column in zip(*watched))
    return {"alone_s": alone_s / 2, "elapsed": watched_s / alone_s,
            "cpu": watched_cpu_s / alone_cpu_s,
            "cpu_and_own": (watched_cpu_s + own_s) / alone_cpu_s}


def host_busy_s():
    """CPU time that all CPUs have spent on anything."""
    with open("/proc/stat") as f:
        user, nice, system, _, _, irq, softirq = (int(n) for n in f.readline().split()[1:8])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def account(build, work, observer):
    """
    What can be accounted for, in one run that counts: the time of the BPF programs and of the
    collector, by what the host's CPUs did besides. Without the noise of two runs; but the hook's
    own cost is not in it, which is more than what the counting adds.
    """
    stats = programs.counting(build)
    try:
        stats.start()
        observer.start()
        before, own_ns = programs.runs(observer.process.pid), observer.cpu_ns()
        busy_s = host_busy_s()
        work.run()
        busy_s = host_busy_s() - busy_s
        own_s = (observer.cpu_ns() - own_ns) * 1e-9
        spent = programs.since(before, programs.runs(observer.process.pid))
    finally:
        observer.stop()
        stats.stop()
    bpf_s = sum(ns for _, ns in spent.values()) * 1e-9
    rest_s = busy_s - bpf_s - own_s
    return {"programs": bpf_s / rest_s, "collector": own_s / rest_s,
            "runs_per_s_of_cpu": sum(n for n, _ in spent.values()) / rest_s}


def measure(build, work, observer, blocks, rng):
    if work.before:
        work.before()
    try:
        work.run()  # warm
        blocks *= work.share
        rounds = [run_block(work, observer, rng) for _ in range(blocks)]
        accounts = [account(build, work, observer) for _ in range(ACCOUNTS)]
    finally:
        if work.after:
            work.after()
    row = {"key": work.key, "title": work.title, "observer": observer.title, "blocks": blocks,
           "command": " ".join(work.argv),
           "alone_s": statistics.median(r["alone_s"] for r in rounds)}
    for name in ("elapsed", "cpu", "cpu_and_own"):
        row[name] = paired.named(paired.median([r[name] for r in rounds]))
    row["accounted"] = {name: statistics.median(a[name] for a in accounts) for name in accounts[0]}
    return row, {"blocks": rounds, "accounts": accounts}


def price_ns(build):
    """What an update costs a fault, hook and all, as sharp.py has found it; None: it has not."""
    try:
        with open(f"{build}/bench/sharp.json") as f:
            return json.load(f)["summary"]["all"]["programs"]["ours"]["added_ns"]["value"]
    except FileNotFoundError:
        return None


def at_price(accounted, price):
    """In percent: all runs at the price of an update, and the collector."""
    if price is None:
        return "unknown"
    return f"{(accounted['runs_per_s_of_cpu'] * price * 1e-9 + accounted['collector']) * 100:.2f}"


def markdown(rows, price):
    lines = ["Medians of blocks (alone, watched, watched, alone), with 95 % intervals, in %. "
             "Elapsed is what who waits for the work sees; CPU is user and system time of the "
             "work, then with the collector's own added. Accounted for is what the BPF programs "
             "ran and the collector used, by the kernel's own counts, of all CPU time that the "
             "host spent besides; at the storm's price each run has what an update costs a fault, "
             "hook and all, by sharp.py, and the collector is added.", "",
             "| work | alone | blocks | elapsed | CPU of the work | and of the collector | "
             "accounted for: programs | collector | at the storm's price |",
             "|---|---|---|---|---|---|---|---|---|"]
    for row in rows:
        cells = [row["title"], f"{row['alone_s']:.2f} s", str(row["blocks"])]
        cells += [paired.text(row[name], 2, 100, base=1, sign="+")
                  for name in ("elapsed", "cpu", "cpu_and_own")]
        cells += [f"{row['accounted'][name] * 100:.2f}" for name in ("programs", "collector")]
        cells.append(at_price(row["accounted"], price))
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "Each work, as it was started:", ""]
    lines += [f"- {row['title']}: `{row['command']}`" for row in rows]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__ + "Needs root.")
    results.add_build_option(parser)
    parser.add_argument("--blocks", type=int, default=30, metavar="N",
                        help="how many, of the short works three times as many; below "
                             f"{paired.LEAST} there is no interval (default: %(default)s)")
    parser.add_argument("--scale", type=float, default=1.0, metavar="X",
                        help="length of the works but the compile (default: %(default)s)")
    parser.add_argument("--only", metavar="NAMES", help="works, by comma, such as compile,redis")
    parser.add_argument("--memgrowth", metavar="FILE", help="the memgrowth of another build")
    parser.add_argument("--seed", type=int, default=1, help="of the order (default: %(default)s)")
    args = parser.parse_args()
    if args.blocks < 1:
        sys.exit(f"work.py: --blocks={args.blocks}: must be 1 or more")
    if not args.scale > 0:
        sys.exit(f"work.py: --scale={args.scale}: must be above 0")
    results.check_build("work.py", args.build, results.MEMGROWTH, results.HOOKS, results.SPAWNS)
    args.build = os.path.abspath(args.build)
    observer = observers.memgrowth(args.build, "ours", "ours", program=args.memgrowth)
    rng, rows, rounds = random.Random(args.seed), [], {}
    result = results.Result(args.build, "work")
    with tempfile.TemporaryDirectory(prefix="leaklab-bench.") as folder:
        known = works(args.build, folder, args.scale)
        names = args.only.split(",") if args.only else [w.key for w in known]
        for name in names:
            if name not in [w.key for w in known]:
                sys.exit(f"work.py: --only={name}: there is no such work "
                         f"({', '.join(w.key for w in known)})")
        for work in (w for w in known if w.key in names):
            row, rounds[work.key] = measure(args.build, work, observer, args.blocks,
                                                  rng)
            rows.append(row)
    result.save(markdown(rows, price_ns(args.build)), {"summary": rows, "rounds": rounds})


if __name__ == "__main__":
    try:
        main()
    except observers.Broken as e:
        sys.exit(f"work.py: {e}")
