#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes tests/golden/runs/ but for each run's score.json, which is checked by eye and kept.

Every run is the same 40 s of two leaks and two benign workloads with another detector or another
fault. Run it in tests/golden/; it needs nothing but Python. The tests do not run it.
"""
import json
import os
import shutil

S = 10**9
MIB = 1 << 20
START = 1000 * S
READY = START + S // 10
ONSET = START + 5 * S
END = START + 40 * S
LIMIT = 256 * MIB
GATES = {
    "growing.tpr_min": 0.9, "growing.fpr_max": 0.05, "growing.latency_median_max_s": 2,
    "leak.tpr_min": 0.9, "leak.fpr_max": 0.05, "leak.latency_median_max_s": 30,
    "pattern_accuracy_min": 0.9, "rate_error_max": 0.05, "attribution_min": 1,
}


def linear(t):
    return max(0, (t - ONSET) // S) * MIB


def burst(t):
    return ((t - ONSET) // (10 * S) + 1) * 20 * MIB if t >= ONSET else 0


def steady(_t):
    return 32 * MIB


def warmup(t):
    return min(16 * MIB, max(0, (t - READY) // S) * 2 * MIB)


LOADS = [
    ("grow", "linear", "leak", linear, 101),
    ("bursts", "burst", "leak", burst, 102),
    ("flat", "steady", "benign", steady, 103),
    ("warm", "warmup", "benign", warmup, 104),
]
RATES = {"grow": MIB, "bursts": 2 * MIB}


def path_of(name):
    return f"/leaklab/{name}"


def write_lines(path, records):
    with open(path, "w", encoding="utf-8") as out:
        for record in records:
            out.write(json.dumps(record, separators=(",", ":")) + "\n")


def truth(pattern, cls, held, late_ns=0, ready=True, onset=True, shortfall=0):
    yield {"type": "header", "format": "leaklab.truth", "version": 1, "generator": "memgen",
           "revision": "golden"}
    yield {"type": "start", "t_ns": START, "pattern": pattern, "class": cls, "pages": "anon",
           "page_bytes": 4096, "seed": 1, "processes": 1, "threads": 1, "simulated": True,
           "params": {}}
    yield {"type": "process", "t_ns": START, "proc": 0, "pid": 1}
    if ready:
        yield {"type": "ready", "t_ns": READY}
    last = None
    for t in [READY] + list(range(START + S, END, S)):
        if t == ONSET and onset:
            yield {"type": "onset", "t_ns": t, "proc": 0}
        if held(t) != last and held(t) + (last or 0) > 0:
            last = held(t)
            yield {"type": "step", "t_ns": t, "proc": 0, "asked_bytes": last,
                   "touched_bytes": last, "retained_bytes": last, "released_bytes": 0,
                   "late_ns": late_ns}
    yield {"type": "measured", "t_ns": END - 1, "proc": 0, "retained_bytes": last,
           "smaps_bytes": last - shortfall, "shortfall_bytes": shortfall}
    yield {"type": "end", "t_ns": END, "reason": "duration", "cpu_ns": 1000000}


def samples(lost=0, rss=True, missing=()):
    yield {"type": "header", "format": "leaklab.samples", "version": 1, "source": "sim",
           "t_ns": START - S, "wall_ns": START, "page_bytes": 4096, "cpus": 2,
           "kernel": "6.1.0-golden", "interval_ns": S, "threshold_bytes": 65536,
           "scope": None, "error_bound_bytes": 0}
    # conmon: a process without truth
    names = [("conmon", 99, "/leaklab/conmon")]
    names += [(n, pid, path_of(n)) for n, _, _, _, pid in LOADS if n not in missing]
    for i, (name, pid, path) in enumerate(names):
        yield {"type": "cgroup", "t_ns": START - 2, "cgroup": 500 + pid, "path": path,
               "version": 1, "limit_bytes": LIMIT, "limit_cgroup": path, "ram_bytes": 1 << 33}
        if pid != 99:
            # The runtime's address space has the same pid, and ends when the workload begins.
            yield {"type": "process", "t_ns": START - 2, "mm": 10 + i, "pid": pid,
                   "start_ns": START - 2, "comm": "runc:[2:INIT]", "cgroup": 500 + pid,
                   "origin": "fork"}
            yield {"type": "exit", "t_ns": START - 1, "mm": 10 + i, "reason": "exec"}
        yield {"type": "process", "t_ns": START - 1, "mm": pid, "pid": pid,
               "start_ns": START - 1, "comm": "conmon" if pid == 99 else "memgen",
               "cgroup": 500 + pid, "origin": "exec"}
    for t in range(START + S, END + 1, S):
        for name, _, _, held, pid in LOADS if rss else ():
            if name not in missing:
                yield {"type": "rss", "t_ns": t, "mm": pid, "anon_bytes": held(t),
                       "file_bytes": 0, "swap_bytes": 0, "shmem_bytes": 0, "events": 4,
                       "error_bytes": 0}
        yield {"type": "tick", "t_ns": t}
    yield {"type": "end", "t_ns": END, "reason": "duration", "records": 160, "events": 640,
           "lost": lost, "overflow": 0, "lag_p50_ns": 1000, "lag_p99_ns": 20000,
           "lag_max_ns": 40000}


def say(t, tier, state, pid, name, **more):
    det = {"type": "detection", "t_ns": t, "tier": tier, "state": state, "mm": pid, "pid": pid,
           "comm": "memgen", "cgroup": path_of(name), "limit_bytes": LIMIT,
           "limit_cgroup": path_of(name)}
    det.update(more)
    return det


def knowing(delay, limit=LIMIT):
    """Says the truth, @delay after it began."""
    out = []
    for name, pattern, cls, _held, pid in LOADS:
        if cls != "leak":
            continue
        for t, tier, state, confidence in (
                (ONSET + delay, "growing", "raised", 0.9), (ONSET + delay, "leak", "raised", 0.95),
                (END - S, "growing", "updated", 0.95), (END - S, "leak", "updated", 0.99)):
            rate = RATES[name]
            out.append(say(t, tier, state, pid, name, pattern=pattern, rate_bytes_per_s=rate,
                           rate_lo=0.95 * rate, rate_hi=1.05 * rate, confidence=confidence,
                           onset_ns=ONSET, limit_bytes=limit))
    return sorted(out, key=lambda det: det["t_ns"])


def always():
    out = [say(START + S, tier, "raised", pid, name, pattern="unknown", confidence=1)
           for name, _, _, _, pid in LOADS for tier in ("growing", "leak")]
    out += [{"type": "detection", "t_ns": START + S, "tier": "growing", "state": "raised",
             "mm": 99}]
    return out


def detections(name, records):
    yield {"type": "header", "format": "leaklab.detections", "version": 1, "detector": name,
           "revision": "golden"}
    yield from records
    yield {"type": "end", "t_ns": END, "samples": 160, "processes": 5, "lost": 0}


def make(name, records, status="complete", gates=None, truth_more=None, samples_more=None,
         broken=None, no_truth=(), no_samples=False, drop_pids=()):
    where = os.path.join("runs", name)
    os.makedirs(os.path.join(where, "truth"), exist_ok=True)
    loads = []
    for load, pattern, cls, held, pid in LOADS:
        more = (truth_more or {}).get(load, {})
        if load not in no_truth:
            write_lines(f"{where}/truth/{load}.jsonl", truth(pattern, cls, held, **more))
        loads.append({
            "instance": load, "workload": load, "judged": True, "truth": f"truth/{load}.jsonl",
            "memory_bytes": LIMIT, "memory_swap_bytes": LIMIT, "cgroup": 500 + pid,
            "cgroup_path": path_of(load), "limit_bytes": LIMIT, "limit_cgroup": path_of(load),
            "started_ns": START, "ended_ns": END,
            "processes": [] if load in drop_pids else [{"pid": pid, "ns_pid": 1}],
            "exit_code": 0, "oom_killed": False, "expected_oom": False,
            "broken": (broken or {}).get(load)})
    run = {
        "format": "leaklab.run", "version": 1, "scenario": "golden", "seed": 1,
        "revision": "golden", "started_ns": START - S, "ended_ns": END + S,
        "started_wall_ns": 1767225600 * S, "status": status,
        "status_reason": None if status == "complete" else "Ctrl-C",
        "host": {"kernel": "6.1.0-golden", "arch": "x86_64"},
        "collector": {"command": ["memgrowth", "record"], "exit_code": 0, "cpu_ns": S // 2,
                      "max_rss_bytes": 8 * MIB},
        "gates": GATES if gates is None else gates, "workloads": loads}
    with open(f"{where}/run.json", "w", encoding="utf-8") as out:
        json.dump(run, out, indent=1)
        out.write("\n")
    if not no_samples:
        write_lines(f"{where}/samples.jsonl", samples(**(samples_more or {})))
    write_lines(f"{where}/detections.jsonl", detections(name, records))


def main():
    for name in os.listdir("runs") if os.path.isdir("runs") else []:
        shutil.rmtree(os.path.join("runs", name, "truth"), ignore_errors=True)
    make("blind", [])
    make("oracle", knowing(S))
    make("always-on", always())
    make("late-4s", knowing(4 * S))
    make("wrong-limit", knowing(S, limit=2 * LIMIT))
    make("interrupted", knowing(S), status="interrupted")
    make("broken-container", knowing(S), broken={"grow": "killed from outside (signal 9)"})
    make("broken-truth", knowing(S), no_truth=["grow"], truth_more={
        "bursts": {"onset": False}, "flat": {"ready": False}, "warm": {"late_ns": 2 * S}})
    make("broken-shortfall", knowing(S), truth_more={"grow": {"shortfall": MIB}},
         drop_pids=["flat"], samples_more={"missing": ["bursts"]})
    make("no-samples", [], samples_more={"rss": False})
    make("no-recording", [], no_samples=True)
    make("lost-samples", knowing(S), samples_more={"lost": 100})


main()
