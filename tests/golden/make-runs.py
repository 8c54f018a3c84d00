#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes tests/golden/runs/ but for each run's score.json, which is checked by eye and kept.

Every run is the same 40 s of two leaks and two benign workloads with another detector or another
fault; those that begin with "cg-" are 95 s of leaks that no process shows, of benign page cache,
and of leaks that are killed at their limit. Run it in tests/golden/; it needs nothing but Python.
The tests do not run it.
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


# The second ledger and the time to limit ------------------------------------------------------

CG_END = START + 95 * S
CG_LEAK = ONSET + 20 * S  # when a knowing detector's leak tier speaks
CG_PARENT = 700
CG_GATES = {
    "growing.tpr_min": 0.9, "leak.tpr_min": 0.9, "leak.fpr_max": 0.05, "growing.fpr_max": 0.05,
    "attribution_min": 1, "kind_accuracy_min": 0.9, "time_to_limit_within_min": 0.9,
}


class Load:
    """A workload that grows by rate in its container from ONSET until it ends or is killed."""

    def __init__(self, name, pid, rate, pages, ledger, kind, **more):
        self.name, self.pid, self.rate, self.pages = name, pid, rate, pages
        self.ledger, self.kind = ledger, kind
        self.leak = more.get("leak", True)
        self.procs = more.get("procs", 1)
        self.limit = more.get("limit", 1024 * MIB)
        self.tells = more.get("tells", True)  # the kernel tells the parts of its memory apart
        self.writes_oom_ns = more.get("writes_oom_ns", True)
        self.killed = ONSET + self.limit * S // rate if "limit" in more else None
        self.end = self.killed or CG_END
        self.path = f"/leaklab/{name}"
        self.cgroup = 500 + pid
        # how run.json and the recording agree on its cgroup: in all, by the path only, or by the
        # container's id only, for run.json names a cgroup inside it that was not recorded
        self.named = more.get("named", "both")

    def in_run_json(self):
        if self.named == "inside":
            return {"cgroup": 900 + self.pid, "cgroup_path": self.path + "/container"}
        return {"cgroup": self.cgroup if self.named == "both" else None,
                "cgroup_path": self.path}

    def held(self, t):
        """Bytes charged to the container."""
        return max(0, (t - ONSET) // S) * self.rate


CG_LOADS = [
    Load("cows", 201, 2 * MIB, "cow", "cgroup", "cow", named="path"),
    # cgroup v1: of the kernel's memory only the sum is known
    Load("socks", 202, MIB, "socket", "cgroup", "sock", tells=False),
    Load("dentries", 203, MIB, "inode", "cgroup", "slab", named="inside"),
    Load("swarm", 204, 2 * MIB, "process", "cgroup", "processes", procs=2),
    Load("clean", 206, 2 * MIB, "cache", "cgroup", "file", leak=False),
    Load("grow", 207, 2 * MIB, "anon", "process", "rss", limit=160 * MIB),
    # run.json does not know when; the recording does
    Load("files", 208, 4 * MIB, "tmpfs", "cgroup", "shmem", limit=300 * MIB,
         writes_oom_ns=False),
]
CHILD = 10  # the pid of a process that is in no truth file, above its container's first


def cg_truth(load):
    yield {"type": "header", "format": "leaklab.truth", "version": 1, "generator": "memgen",
           "revision": "golden"}
    yield {"type": "start", "t_ns": START, "pattern": "linear",
           "class": "leak" if load.leak else "benign", "pages": load.pages,
           "ledger": load.ledger, "kind": load.kind, "reclaimable": not load.leak,
           "page_bytes": 4096, "seed": 1, "processes": load.procs, "threads": 1,
           "simulated": True, "params": {}}
    for proc in range(load.procs):
        yield {"type": "process", "t_ns": START, "proc": proc, "pid": 1 + proc}
    yield {"type": "ready", "t_ns": READY}
    for proc in range(load.procs):
        yield {"type": "onset", "t_ns": ONSET, "proc": proc}
    for t in range(ONSET + S, load.end, S):
        for proc in range(load.procs):
            held = load.held(t) // load.procs
            # a little apart, as processes are
            yield {"type": "step", "t_ns": t + proc * 1000, "proc": proc, "asked_bytes": held,
                   "touched_bytes": held, "retained_bytes": held, "released_bytes": 0,
                   "late_ns": 0}
    if not load.killed:
        yield {"type": "end", "t_ns": CG_END, "reason": "duration", "cpu_ns": 1000000}


def cg_memcg(load, t):
    held, tells = load.held(t), load.tells
    kinds = {"cow": "anon_bytes", "processes": "anon_bytes", "rss": "anon_bytes",
             "file": "file_bytes", "shmem": "shmem_bytes", "slab": "slab_reclaimable_bytes",
             "sock": "sock_bytes"}
    record = {"type": "memcg", "t_ns": t, "cgroup": load.cgroup, "usage_bytes": held}
    for key in ("anon_bytes", "file_bytes", "shmem_bytes", "kernel_bytes"):
        record[key] = 0
    for key in ("slab_reclaimable_bytes", "slab_unreclaimable_bytes", "pagetables_bytes",
                "kernel_stack_bytes", "percpu_bytes", "sock_bytes"):
        record[key] = 0 if tells else None
    if load.kind in ("slab", "sock"):
        record["kernel_bytes"] = held
    if record[kinds[load.kind]] is not None:
        record[kinds[load.kind]] = held
    return record


def cg_cgroup(ident, path, limit, parent, container):
    return {"type": "cgroup", "t_ns": START - 2, "cgroup": ident, "path": path, "version": 1,
            "limit_bytes": limit, "limit_cgroup": path if limit else None, "ram_bytes": 1 << 33,
            "parent": parent, "high_bytes": None, "high_cgroup": None,
            "swap_limit_bytes": 0, "swap_limit_cgroup": None,
            "container": {"runtime": "podman", "id": container, "name": container, "pod": None}
            if container else None}


def cg_samples(charges=True):
    yield {"type": "header", "format": "leaklab.samples", "version": 1, "source": "sim",
           "t_ns": START - S, "wall_ns": START, "page_bytes": 4096, "cpus": 2,
           "kernel": "6.1.0-golden", "interval_ns": S, "threshold_bytes": 65536, "scope": None}
    yield cg_cgroup(CG_PARENT, "/leaklab", None, 1, None)
    for load in CG_LOADS:
        yield cg_cgroup(load.cgroup, load.path, load.limit, CG_PARENT,
                        None if load.named == "path" else load.name)
        for pid in (load.pid, load.pid + CHILD):
            yield {"type": "process", "t_ns": START - 1, "mm": pid, "pid": pid,
                   "start_ns": START - 1, "comm": "memgen", "cgroup": load.cgroup,
                   "origin": "exec" if pid == load.pid else "fork"}
    for t in range(START + 5 * S, CG_END + 1, 5 * S):
        for load in CG_LOADS:
            if t > load.end:
                continue
            yield {"type": "rss", "t_ns": t, "mm": load.pid,
                   "anon_bytes": load.held(t) if load.ledger == "process" else MIB,
                   "file_bytes": 0, "swap_bytes": 0, "shmem_bytes": 0, "events": 4,
                   "error_bytes": 0}
            if charges:
                yield cg_memcg(load, t)
            if t == load.killed:
                # what run.json says is nearer to the kill
                late = S if load.writes_oom_ns else 0
                yield {"type": "oom", "t_ns": t + late, "pid": load.pid, "comm": "memgen",
                       "cgroup": load.cgroup}
        yield {"type": "tick", "t_ns": t}
    yield {"type": "end", "t_ns": CG_END, "reason": "duration", "records": 120, "events": 480,
           "lost": 0, "overflow": 0, "lag_p50_ns": 1000, "lag_p99_ns": 20000,
           "lag_max_ns": 40000}


def cg_say(t, tier, state, load, **more):
    """A verdict on the ledger where the workload can be seen."""
    kinds = {"rss": "rss", "sock": "kernel"}
    det = {"type": "detection", "t_ns": t, "tier": tier, "state": state, "ledger": load.ledger}
    if load.ledger == "cgroup":
        det.update(mm=None, cgroup_id=load.cgroup)
    else:
        det.update(mm=load.pid, pid=load.pid, comm="memgen")
    det.update(kind=kinds.get(load.kind, load.kind), cgroup=load.path, container=load.name,
               limit_bytes=load.limit, limit_cgroup=load.path, pattern="linear",
               rate_bytes_per_s=load.rate, rate_lo=0.95 * load.rate, rate_hi=1.05 * load.rate,
               confidence=0.9)
    det.update(more)
    return det


def left(load, t, factor):
    """Seconds until the limit, with an interval; times @factor."""
    if not load.killed:
        return {}
    s = (load.killed - t) / S * factor
    return {"time_to_limit_s": s, "time_to_limit_lo_s": 0.9 * s, "time_to_limit_hi_s": 1.1 * s}


def cg_knowing(factor=1, **more):
    out = []
    for load in CG_LOADS:
        out.append(cg_say(ONSET + 2 * S, "growing", "raised", load, **more))
        for t in range(CG_LEAK, load.end, 5 * S) if load.leak else ():
            state = "raised" if t == CG_LEAK else "updated"
            out.append(cg_say(t, "leak", state, load, **{**left(load, t, factor), **more}))
    return sorted(out, key=lambda det: det["t_ns"])


def on_cgroups(records, **more):
    """The same, with other words about cgroups."""
    return [{**det, **more} if det["ledger"] == "cgroup" else det for det in records]


def cg_by_process(records):
    """Speaks of a process where a cgroup grows: a child that no truth file names."""
    out = []
    for det in records:
        if det["ledger"] == "cgroup":
            pid = det["cgroup_id"] - 500 + CHILD
            det = {**det, "ledger": "process", "mm": pid, "pid": pid, "kind": "rss"}
            del det["cgroup_id"]
        out.append(det)
    return out


def cg_cache_leak():
    clean = next(load for load in CG_LOADS if not load.leak)
    return sorted(cg_knowing() + [cg_say(CG_LEAK, "leak", "raised", clean)],
                  key=lambda det: det["t_ns"])


def cg_above():
    """Only ever speaks of the cgroup that all containers are in."""
    parent = {"type": "detection", "state": "raised", "ledger": "cgroup", "mm": None,
              "cgroup_id": CG_PARENT}
    return [{**parent, "t_ns": START + 2 * S, "tier": "growing"},
            {**parent, "t_ns": START + 3 * S, "tier": "growing", "state": "withdrawn"},
            {**parent, "t_ns": ONSET + 2 * S, "tier": "growing"},
            {**parent, "t_ns": CG_LEAK, "tier": "leak"}]


def cg_always():
    return [{"type": "detection", "t_ns": START - 1, "tier": tier, "state": "raised",
             "ledger": "cgroup", "mm": None, "cgroup_id": ident}
            for tier in ("growing", "leak")
            for ident in [CG_PARENT] + [load.cgroup for load in CG_LOADS]] + [
        {"type": "detection", "t_ns": START + S, "tier": tier, "state": "raised", "mm": load.pid}
        for tier in ("growing", "leak") for load in CG_LOADS]


def cg_make(name, records, charges=True):
    where = os.path.join("runs", name)
    os.makedirs(os.path.join(where, "truth"), exist_ok=True)
    loads = []
    for load in CG_LOADS:
        write_lines(f"{where}/truth/{load.name}.jsonl", cg_truth(load))
        loads.append({
            "instance": load.name, "workload": load.name, "judged": True,
            "truth": f"truth/{load.name}.jsonl", "container_id": load.name,
            "memory_bytes": load.limit, "memory_swap_bytes": load.limit,
            **load.in_run_json(), "limit_bytes": load.limit, "limit_cgroup": load.path,
            "started_ns": START, "ended_ns": load.end + S // 10,
            "processes": [{"pid": load.pid, "ns_pid": 1}],
            "exit_code": 137 if load.killed else 0, "oom_killed": load.killed is not None,
            "expected_oom": load.killed is not None,
            "oom_ns": load.killed if load.writes_oom_ns else None, "broken": None})
    run = {
        "format": "leaklab.run", "version": 1, "scenario": "golden-cgroup", "seed": 1,
        "revision": "golden", "started_ns": START - S, "ended_ns": CG_END + S,
        "started_wall_ns": 1767225600 * S, "status": "complete", "status_reason": None,
        "host": {"kernel": "6.1.0-golden", "arch": "x86_64"},
        "collector": {"command": ["memgrowth", "record"], "exit_code": 0, "cpu_ns": S // 2,
                      "max_rss_bytes": 8 * MIB},
        "gates": CG_GATES, "workloads": loads}
    with open(f"{where}/run.json", "w", encoding="utf-8") as out:
        json.dump(run, out, indent=1)
        out.write("\n")
    write_lines(f"{where}/samples.jsonl", cg_samples(charges))
    write_lines(f"{where}/detections.jsonl", detections(name, records))


def make_cgroup_runs():
    cg_make("cg-oracle", cg_knowing())
    cg_make("cg-wrong-kind", on_cgroups(cg_knowing(), kind="kernel"))
    cg_make("cg-twice-the-time", cg_knowing(factor=2))
    cg_make("cg-no-time", cg_knowing(factor=1, time_to_limit_s=None))
    cg_make("cg-cache-leak", cg_cache_leak())
    cg_make("cg-by-process", cg_by_process(cg_knowing()))
    cg_make("cg-above", cg_above())
    cg_make("cg-always-on", cg_always())
    cg_make("cg-no-charges", cg_knowing(), charges=False)


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
    make_cgroup_runs()


main()
