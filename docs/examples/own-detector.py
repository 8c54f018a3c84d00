#!/usr/bin/env python3
"""A leak detector: the lowest memory of each 10 s rises again and again."""
import json, sys

WINDOW_NS, STEP_BYTES = 10 * 10**9, 64 * 1024
NEEDED = {"growing": 1, "leak": 6}  # rises in a row that a tier asks for

def say(record):
    print(json.dumps(record), flush=True)

say({"type": "header", "format": "leaklab.detections", "version": 1, "detector": "own-detector"})
now, processes = 0, {}
for line in sys.stdin:
    sample = json.loads(line)
    now = max(now, sample.get("t_ns", 0))  # the present: the largest time seen
    if sample["type"] == "exit":
        processes.pop(sample["mm"], None)
    if sample["type"] != "rss":
        continue
    memory = sample["anon_bytes"] + sample["swap_bytes"] + sample["shmem_bytes"]
    p = processes.setdefault(sample["mm"], {"since": now, "low": memory, "before": None,
                                            "rises": 0, "up": set()})
    if now - p["since"] >= WINDOW_NS:  # a window is over: did its floor rise?
        rose = p["before"] is not None and p["low"] - p["before"] >= STEP_BYTES
        p.update(rises=p["rises"] + 1 if rose else 0, before=p["low"], low=memory, since=now)
        for tier, needed in NEEDED.items():
            if (p["rises"] >= needed) != (tier in p["up"]):
                p["up"] ^= {tier}
                say({"type": "detection", "t_ns": now, "tier": tier, "mm": sample["mm"],
                     "state": "raised" if tier in p["up"] else "withdrawn"})
    p["low"] = min(p["low"], memory)
