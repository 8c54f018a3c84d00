#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Runs one real program with its clients until SIGTERM, and writes to stdout what it keeps, as truth:
real.py PROGRAM [--healthy=SECONDS]
A leaking program is healthy for that long before its leak begins.
"""
import os
import signal
import sys
import time

from programs import PROGRAMS, WORK
from truth import Truth

LOOK_S = 0.5
# While a program works that is gone soon.
LOOK_WORKING_S = 0.1
USAGE = f"usage: real.py PROGRAM [--healthy=SECONDS]\nprograms: {' '.join(sorted(PROGRAMS))}"


def held_by_kernel(only_pid=None):
    """
    Anonymous memory of all processes of the container but this one, or of one; and of shared memory
    what the one that maps most of it has touched.
    """
    anon = shmem = 0
    for pid in os.listdir("/proc"):
        if not pid.isdigit() or int(pid) == os.getpid() or only_pid not in (None, int(pid)):
            continue
        try:
            with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
                fields = dict(line.split(":", 1) for line in f)
        except OSError:
            continue  # gone
        anon += int(fields.get("RssAnon", "0 kB").split()[0]) << 10
        shmem = max(shmem, int(fields.get("RssShmem", "0 kB").split()[0]) << 10)
    return anon + shmem


class Stop:
    """Set by SIGTERM."""

    def __init__(self):
        self.asked = False
        signal.signal(signal.SIGTERM, self.ask)
        signal.signal(signal.SIGINT, self.ask)

    def ask(self, _number, _frame):
        self.asked = True


class Held:
    """
    What a program holds: as the kernel tells it, and from the onset of a leak on what it held then
    and has kept since, as it counts it itself.
    """

    def __init__(self, program):
        self.program = program
        self.base = None

    def onset(self):
        self.base = self.bytes() - self.program.kept_bytes()

    def bytes(self):
        if self.base is not None:
            return self.base + self.program.kept_bytes()
        return held_by_kernel(self.program.pid() if self.program.leak else None)


def is_running(worker):
    return worker is not None and worker.poll() is None


def loop(program, held, truth, stop, leak_at_s):
    """Work at its pace, and a look at what is held at another."""
    begin_s = work_s = look_s = time.monotonic()
    worker = None
    while not stop.asked:
        now_s = time.monotonic()
        if not program.alive():
            raise RuntimeError("a server or client ended by itself")
        if program.leak and not program.leaking and now_s >= begin_s + leak_at_s:
            truth.step(held.bytes(), force=True)
            held.onset()
            truth.onset(program.unit_bytes)
            truth.step(truth.held, force=True)
            program.leaking = True
        if worker and worker.poll():
            raise RuntimeError(f"{worker.args[0]} ended with {worker.returncode}")
        if now_s >= work_s and not is_running(worker):
            worker = program.work()
            # A host that was too busy is not made busier by catching up.
            work_s = max(work_s + program.period_s, now_s)
        if now_s >= look_s:
            truth.step(held.bytes())
            look_s = now_s + (LOOK_WORKING_S if is_running(worker) else LOOK_S)
        until_s = look_s if is_running(worker) else min(work_s, look_s)
        time.sleep(max(until_s - time.monotonic(), 0.001))


def parse(args):
    healthy_s = 180.0
    names = [a for a in args if not a.startswith("-")]
    for option in (a for a in args if a.startswith("-")):
        key, _, value = option.partition("=")
        try:
            healthy_s = float(value)
        except ValueError:
            healthy_s = -1
        if key != "--healthy" or not 0 <= healthy_s <= 86400:
            sys.exit(f"{USAGE}\nreal.py: {option}: not an option (--healthy=SECONDS, 0 to 86400)")
    if len(names) != 1 or names[0] not in PROGRAMS:
        sys.exit(f"{USAGE}\nreal.py: {' '.join(names) or 'no program'}: not one of these programs")
    return PROGRAMS[names[0]](), healthy_s


def main():
    program, healthy_s = parse(sys.argv[1:])
    stop = Stop()
    truth = Truth(os.dup(1))
    # Nothing but truth may be said there, whatever a client prints.
    os.dup2(2, 1)
    os.makedirs(WORK, exist_ok=True)
    os.chmod(WORK, 0o777)
    # What leaks is one process; what is healthy is a whole container, with its clients.
    truth.start(program.pattern, program.leak, "process" if program.leak else "cgroup",
                {"healthy_s": healthy_s} if program.leak else {})
    program.start()
    held = Held(program)
    truth.process(program.pid(), program.started_ns)
    if not program.leak:
        truth.step(held.bytes(), force=True)
        truth.onset(0)
    truth.write("ready")
    try:
        loop(program, held, truth, stop, healthy_s)
    except (RuntimeError, OSError, ValueError) as error:
        print(f"real.py: {program.pattern}: {error}", file=sys.stderr)
        truth.write("end", reason="error")
        sys.exit(1)
    truth.step(held.bytes(), force=True)
    truth.write("end", reason="signal")


main()
