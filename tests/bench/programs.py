# SPDX-License-Identifier: GPL-2.0-or-later
"""The BPF programs of a process, by the kernel's own counts (while `hooks --stats` is there)."""
import json
import os
import re
import subprocess

import observers


def counting(build):
    """Has the kernel count runs and their time from start() to stop(): about 50 ns for each."""
    return observers.Observer("stats", "", [f"{build}/tests/bench/hooks", "--stats"], end="stdin")


def bpf_ids(pid, what):
    """Programs or maps that the process holds, from its descriptors."""
    ids = set()
    for fd in os.listdir(f"/proc/{pid}/fdinfo"):
        try:
            with open(f"/proc/{pid}/fdinfo/{fd}") as f:
                ids.update(int(n) for n in re.findall(rf"^{what}_id:\s*(\d+)$", f.read(), re.M))
        except FileNotFoundError:
            pass  # it was closed meanwhile
    return ids


def bpftool(*argv):
    return json.loads(subprocess.run(["bpftool", "--json", *argv], check=True,
                                     capture_output=True).stdout)


def runs(pid):
    """{program: (runs, ns)} since it was loaded."""
    ids = bpf_ids(pid, "prog")
    return {p["name"]: (p.get("run_cnt", 0), p.get("run_time_ns", 0))
            for p in bpftool("prog", "show") if p["id"] in ids}


def since(before, after):
    """The same between two looks, of those that ran."""
    spent = {name: (count - before.get(name, (0, 0))[0], ns - before.get(name, (0, 0))[1])
             for name, (count, ns) in sorted(after.items())}
    return {name: (count, ns) for name, (count, ns) in spent.items() if count}
