# SPDX-License-Identifier: GPL-2.0-or-later
"""What may watch while something is measured: started until it is ready, and ended again."""
import os
import re
import select
import signal
import subprocess
import tempfile
import time

PATIENCE_S = 60


class Broken(Exception):
    """An observer did not start, or ended too early; the message says which and why."""


def cpu_ns_of(pid):
    """CPU time of all threads that it has."""
    total, tasks = 0, f"/proc/{pid}/task"
    for tid in os.listdir(tasks):
        with open(f"{tasks}/{tid}/schedstat") as f:
            total += int(f.read().split()[0])
    return total


class Observer:
    """
    One process. @argv may name {fd} (where it says that it is ready) and {dir} (its files).
    @copies: how many of what is measured it has on the hook.
    """

    def __init__(self, key, title, argv, ready="stdout", end="signal", copies=1):
        self.key, self.title, self.argv, self.ready, self.end = key, title, argv, ready, end
        self.copies = copies
        self.process = self.folder = None

    def command(self):
        """As anyone may type it."""
        words = [w for w in self.argv if not w.startswith(("--ready-fd", "--control", "--delay"))]
        words = [re.sub(r"^.*/build[^/]*/", "build/", w) for w in words]
        return " ".join(f"'{w}'" if re.search(r"[ {};@]", w) and "{dir}" not in w else w
                        for w in words).replace("{dir}", "/tmp")

    def start(self):
        self.folder = tempfile.TemporaryDirectory(prefix="leaklab-bench.")
        out_r, out_w = os.pipe()
        ctl_r, ctl_w = os.pipe()
        argv = [w.replace("{fd}", str(out_w)).replace("{ctl}", str(ctl_r))
                .replace("{dir}", self.folder.name) for w in self.argv]
        self.errors = open(os.path.join(self.folder.name, "stderr"), "w+b")
        self.process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, pass_fds=(out_w, ctl_r), stderr=self.errors,
            stdout=out_w if self.ready == "stdout" else subprocess.DEVNULL)
        os.close(out_w)
        os.close(ctl_r)
        self.control, self.pipe = ctl_w, out_r
        if self.ready == "perf":
            os.write(ctl_w, b"enable\n")
        self._wait(b"ack" if self.ready == "perf" else b"ready")

    def _wait(self, word):
        seen, end = b"", time.monotonic() + PATIENCE_S
        while word not in seen:
            if not select.select([self.pipe], [], [], max(0, end - time.monotonic()))[0]:
                raise Broken(f"{self.key}: not ready after {PATIENCE_S} s{self._said()}")
            text = os.read(self.pipe, 4096)
            if not text:
                raise Broken(f"{self.key}: ended before it was ready{self._said()}")
            seen += text

    def _said(self):
        self.errors.seek(0)
        return ": " + self.errors.read().decode(errors="replace").strip()[-500:]

    def cpu_ns(self):
        return cpu_ns_of(self.process.pid)

    def written_bytes(self):
        return sum(e.stat().st_size for e in os.scandir(self.folder.name))

    def stop(self, read=None):
        """Ends it; returns read(its folder), which is removed then."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            if self.end == "signal":
                self.process.send_signal(signal.SIGINT)
            self.process.stdin.close()
            try:
                self.process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        os.close(self.control)
        os.close(self.pipe)
        self.errors.close()
        self.process = None
        try:
            return read(self.folder.name) if read else None
        finally:
            self.folder.cleanup()


def hook(build, program, title, times=1):
    argv = [f"{build}/tests/bench/hooks", program] + ([str(times)] if times > 1 else [])
    return Observer(program, title, argv, end="stdin", copies=times)


def memgrowth(build, key, title, *options, program=None):
    return Observer(key, title, [program or f"{build}/memgrowth", "record",
                                 "--output={dir}/samples", "--detections={dir}/detections",
                                 "--ready-fd={fd}", *options], ready="fd")


BPFTRACE = ("tracepoint:kmem:rss_stat { @rss[pid, args->member] = args->size; } "
            "interval:ms:200 { printf(\"ready\\n\"); }")


def peers(build):
    return [
        memgrowth(build, "classic", "ours over the classic tracepoint", "--source=tp"),
        Observer("bpftrace", "bpftrace, a map by process",
                 ["bpftrace", "-B", "line", "-e", BPFTRACE]),
        Observer("perf", "perf record of all events",
                 ["perf", "record", "--quiet", "--all-cpus", "--event=kmem:rss_stat",
                  "--output={dir}/perf.data", "--delay=-1", "--control=fd:{ctl},{fd}"],
                 ready="perf"),
        memgrowth(build, "proc", "ours over /proc, 10 Hz", "--source=proc"),
        Observer("loop", "a plain loop over /proc, 10 Hz",
                 [f"{build}/tests/bench/poll_proc"], end="stdin"),
    ]


def ours(build):
    return [
        memgrowth(build, "ours", "ours"),
        memgrowth(build, "finest", "ours, a record every millisecond", "--interval=10ms",
                  "--threshold=4KiB"),
    ]
