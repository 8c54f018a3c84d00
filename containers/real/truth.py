# SPDX-License-Identifier: GPL-2.0-or-later
"""Truth of a real program, in the format that memgen writes (docs/formats.md, truth)."""
import json
import mmap
import os
import time

# A step is written when what is held has moved by this share, and by this much.
STEP_SHARE = 0.002
STEP_BYTES = 16 << 10
# A step says that its bytes came at most so long before; the scorer bears no more than 1 s.
LATE_MAX_NS = 1_000_000_000


class Truth:
    """Writes the records; one process, number 0."""

    def __init__(self, fd):
        self.fd = fd
        self.touched = 0
        self.held = 0
        self.released = 0
        self.looked_ns = 0

    def write(self, record_type, t_ns=None, **keys):
        record = {"type": record_type}
        if record_type != "header":
            record["t_ns"] = time.monotonic_ns() if t_ns is None else t_ns
        record.update(keys)
        line = json.dumps(record, separators=(",", ":")) + "\n"
        os.write(self.fd, line.encode())

    def start(self, pattern, leak, ledger, params):
        with open(os.path.join(os.path.dirname(__file__), "revision"), encoding="ascii") as f:
            revision = f.read().strip()
        self.write("header", format="leaklab.truth", version=1, generator="real",
                   revision=revision)
        self.write("start", pattern=pattern, **{"class": "leak" if leak else "benign"},
                   pages="anon", ledger=ledger, kind="anon" if ledger == "cgroup" else "rss",
                   reclaimable=False, page_bytes=mmap.PAGESIZE, seed=0, processes=1, threads=1,
                   simulated=False, params=params)

    def process(self, pid, t_ns):
        self.write("process", t_ns, proc=0, pid=pid)
        self.looked_ns = time.monotonic_ns()

    def step(self, held, force=False):
        """Writes a step when @held moved; it did so since the last call at the earliest."""
        now_ns = time.monotonic_ns()
        moved = held - self.held
        late_ns = min(now_ns - self.looked_ns, LATE_MAX_NS)
        self.looked_ns = now_ns
        if not force and abs(moved) < max(STEP_BYTES, STEP_SHARE * self.held):
            return
        self.touched += max(moved, 0)
        self.released += max(-moved, 0)
        self.held = held
        self.write("step", now_ns, proc=0, asked_bytes=held, touched_bytes=self.touched,
                   retained_bytes=held, released_bytes=self.released, late_ns=late_ns)

    def onset(self, unit_bytes):
        self.write("onset", proc=0, unit_bytes=unit_bytes)
