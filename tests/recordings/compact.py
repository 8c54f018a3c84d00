#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Makes a recording small enough to keep: compact.py RUN OUT

RUN is a run's directory; OUT is made anew with samples.jsonl, truth/, run.json and scenario.yaml,
which `leaklab score --detector CMD OUT` takes as it takes RUN. What is left out:
- rss: an address space has a record when its counters moved by 16 KiB or more, at most one a
  second, and its newest at least every 10 s and before a pause. Of one that lived for less than
  2 s: its first, its largest and its last.
- address spaces that lived for less than 2 s, where a judged server lives on beside them: they are
  clients such as ab. Where nothing lives on (gcc), those of the first 5 minutes are kept.
- memcg: of judged containers only, every 10 s, sooner when its anonymous or kernel memory moved by
  1 % and 256 KiB, but at most every 2 s.
- ticks: one a second. Everything of what is not judged (conmon, podman).
- truth of a leak: one step a second. Of others, of each 2 s the step that holds most and the last,
  when they moved by 1 % since the one before.
- detections: they are what a replay makes anew.
"""
import json
import os
import shutil
import sys

S = 1_000_000_000
SHORT_NS = 2 * S
CHURN_NS = 300 * S
KINDS = ("anon_bytes", "file_bytes", "swap_bytes", "shmem_bytes")


def read_jsonl(path):
    """The records, without a last line that was cut short."""
    with open(path, encoding="utf-8") as f:
        lines = f.read().split("\n")
    return [json.loads(line) for line in lines[:-1]]


def write_jsonl(path, records):
    with open(path, "w", encoding="utf-8") as f:
        for record in records:
            f.write(json.dumps(record, separators=(",", ":"), ensure_ascii=False) + "\n")


class Space:
    """What is known of one address space."""

    def __init__(self, record):
        self.pid = record["pid"]
        self.cgroup = record["cgroup"]
        self.first_ns = self.last_ns = record["t_ns"]
        self.rss = []


def find_spaces(samples):
    spaces = {}
    for r in samples:
        if r["type"] == "process":
            if r["mm"] in spaces:
                spaces[r["mm"]].cgroup = r["cgroup"]
            else:
                spaces[r["mm"]] = Space(r)
        if "mm" in r and r["mm"] in spaces:
            space = spaces[r["mm"]]
            space.last_ns = max(space.last_ns, r["t_ns"])
            if r["type"] == "rss":
                space.rss.append(r)
    return spaces


def find_judged(run):
    """The judged containers' cgroups: whether a server lives on in them."""
    judged = {}
    for load in run["workloads"]:
        if load["judged"]:
            truth = read_jsonl(os.path.join(RUN, load["truth"]))
            pids = {r["pid"] for r in truth if r["type"] == "process"}
            judged[load["cgroup"]] = pids != {1}
    return judged


def moved(record, last):
    return max(abs(record[k] - last[k]) for k in KINDS)


def thin_rss(space):
    """The records to keep, as a set of their identities."""
    rss = space.rss
    if not rss:
        return set()
    if space.last_ns - space.first_ns < SHORT_NS:
        return {id(rss[0]), id(max(rss, key=lambda r: r["anon_bytes"])), id(rss[-1])}
    kept, last = {id(rss[0])}, rss[0]
    for i, r in enumerate(rss):
        gone_ns = r["t_ns"] - last["t_ns"]
        pause = i + 1 == len(rss) or rss[i + 1]["t_ns"] - r["t_ns"] >= 10 * S
        if gone_ns >= 10 * S or (gone_ns >= S and moved(r, last) >= 16 << 10) or pause:
            kept.add(id(r))
            last = r
    return kept


def keeps_memcg(record, last):
    if last is None or record["t_ns"] - last["t_ns"] >= 10 * S:
        return True
    before = max(last["anon_bytes"] or 0, 1)
    change = abs((record["anon_bytes"] or 0) - (last["anon_bytes"] or 0))
    kernel = abs((record["kernel_bytes"] or 0) - (last["kernel_bytes"] or 0))
    soon = record["t_ns"] - last["t_ns"] < 2 * S
    return not soon and max(change, kernel) >= max(256 << 10, before / 100)


def thin_samples(samples, judged):
    begin_ns = samples[0]["t_ns"]
    spaces = find_spaces(samples)
    wanted = {}
    for mm, space in spaces.items():
        short = space.last_ns - space.first_ns < SHORT_NS
        early = space.first_ns < begin_ns + CHURN_NS
        if space.cgroup in judged and not (short and (judged[space.cgroup] or not early)):
            wanted[mm] = thin_rss(space)
    memcg, tick_ns = {}, 0
    for r in samples:
        kind = r["type"]
        if "mm" in r:
            if r["mm"] not in wanted or (kind == "rss" and id(r) not in wanted[r["mm"]]):
                continue
        elif kind == "memcg":
            if r["cgroup"] not in judged or not keeps_memcg(r, memcg.get(r["cgroup"])):
                continue
            memcg[r["cgroup"]] = r
        elif kind == "tick":
            if r["t_ns"] - tick_ns < S:
                continue
            tick_ns = r["t_ns"]
        yield r


def wanted_steps(truth):
    """Identities of the steps to keep."""
    steps = [r for r in truth if r["type"] == "step"]
    onset_ns = max(r["t_ns"] for r in truth if r["type"] == "onset")
    leak = any(r["type"] == "start" and r["class"] == "leak" for r in truth)
    # The scorer takes from those beside the onset what was held before and from where it rose.
    kept = {id(r) for r in steps[-1:]}
    kept |= {id(r) for r in [r for r in steps if r["t_ns"] < onset_ns][-1:]}
    kept |= {id(r) for r in [r for r in steps if r["t_ns"] >= onset_ns][:1]}
    windows = {}
    for r in steps:
        windows.setdefault(r["t_ns"] // (S if leak else 2 * S), []).append(r)
    held = 0
    for window in windows.values():
        largest = max(window, key=lambda r: r["retained_bytes"])
        for r in [window[-1]] if leak else [largest, window[-1]]:
            if leak or abs(r["retained_bytes"] - held) * 100 >= held:
                kept.add(id(r))
                held = r["retained_bytes"]
    return kept


def thin_truth(truth):
    kept = wanted_steps(truth)
    return [r for r in truth if r["type"] != "step" or id(r) in kept]


def main():
    with open(os.path.join(RUN, "run.json"), encoding="utf-8") as f:
        run = json.load(f)
    shutil.rmtree(OUT, ignore_errors=True)
    os.makedirs(os.path.join(OUT, "truth"))
    samples = list(thin_samples(read_jsonl(os.path.join(RUN, "samples.jsonl")), find_judged(run)))
    write_jsonl(os.path.join(OUT, "samples.jsonl"), samples)
    pids = {r["pid"] for r in samples if r["type"] == "process"}
    for load in run["workloads"]:
        load["processes"] = [p for p in load["processes"] if p["pid"] in pids or p["ns_pid"] == 1]
        if load["truth"]:
            truth = read_jsonl(os.path.join(RUN, load["truth"]))
            write_jsonl(os.path.join(OUT, load["truth"]), thin_truth(truth))
    # Where the program stood on the machine that recorded is nobody's concern.
    command = run["collector"]["command"]
    command[0] = os.path.basename(command[0])
    with open(os.path.join(OUT, "run.json"), "w", encoding="utf-8") as f:
        json.dump(run, f, indent=1)
        f.write("\n")
    shutil.copyfile(os.path.join(RUN, "scenario.yaml"), os.path.join(OUT, "scenario.yaml"))


if len(sys.argv) != 3 or not os.path.exists(os.path.join(sys.argv[1], "run.json")):
    sys.exit("usage: compact.py RUN OUT, RUN with a run.json")
RUN, OUT = sys.argv[1:]
main()
