# SPDX-License-Identifier: GPL-2.0-or-later
"""
The real programs and their clients. Each class is one workload: how its server is started, what its
clients do in each period, and how it counts what it keeps. docs/real-programs.md tells them apart.
"""
import glob
import http.client
import os
import random
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
WORK = "/tmp/real"
START_TIMEOUT_S = 60


def run(args, **options):
    """A client that ends by itself."""
    subprocess.run(args, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **options)


def spawn(args, **options):
    """A server, or a client that stays. What it says goes to our log."""
    options.setdefault("stdin", subprocess.DEVNULL)
    options.setdefault("stdout", sys.stderr)
    return subprocess.Popen(args, **options)


def until(ready, process, what):
    """Polls ready() until it is true; there is no signal that all of these servers give."""
    end = time.monotonic() + START_TIMEOUT_S
    while not ready():
        if process.poll() is not None:
            raise RuntimeError(f"{what} ended with {process.returncode} before it was ready")
        if time.monotonic() > end:
            raise RuntimeError(f"{what} was not ready within {START_TIMEOUT_S} s")
        time.sleep(0.05)


def connects(family, address):
    with socket.socket(family) as s:
        return s.connect_ex(address) == 0


class Program:
    pattern = ""  # in the truth
    leak = False  # its client makes it leak after a healthy time
    period_s = 1.0  # between rounds of work
    unit_bytes = 0  # what one leaked thing takes

    def __init__(self):
        self.server = None
        self.started_ns = time.monotonic_ns()
        self.leaking = False

    def serve(self, args, **options):
        self.server = spawn(args, **options)
        self.started_ns = time.monotonic_ns()

    def start(self):
        """Starts the server; returns once it serves."""

    def pid(self):
        """The process that is judged; ours when there is none that lives on."""
        return self.server.pid if self.server else os.getpid()

    def alive(self):
        return self.server is None or self.server.poll() is None

    def work(self):
        """One period's work of the clients. May return a process that does it and then ends."""

    def kept_bytes(self):
        """What a leaking program keeps, as it counts it itself."""
        raise NotImplementedError


# redis ------------------------------------------------------------------------------------------


class Redis(Program):
    pattern = "redis-bounded"
    options = ()
    requests = 400
    families = 10  # of keys; redis-benchmark draws the same numbers each time it is started
    turn = 0

    def start(self):
        self.path = WORK + "/redis.sock"
        self.serve(["redis-server", "--port", "0", "--unixsocket", self.path, "--save", "",
                    "--appendonly", "no", "--dir", WORK, *self.options])
        until(lambda: connects(socket.AF_UNIX, self.path), self.server, "redis-server")
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(self.path)
        self.reply = self.socket.makefile("rb")

    def work(self):
        """Sets keys of one family, gets those of another."""
        self.turn += 1
        other = random.randrange(min(self.turn, self.families))
        for words in (["set", f"key:{self.turn % self.families}:__rand_int__", "x" * 3000],
                      ["get", f"key:{other}:__rand_int__"]):
            run(["redis-benchmark", "-s", self.path, "-c", "4", "-n", str(self.requests),
                 "-r", "500", "-q", *words])

    def command(self, *words):
        """One command in redis's protocol; returns its reply."""
        text = b"*%d\r\n" % len(words)
        for word in words:
            text += b"$%d\r\n%s\r\n" % (len(word), word)
        self.socket.sendall(text)
        line = self.reply.readline()
        if line[:1] == b"-":
            raise RuntimeError(f"redis: {line!r}")
        if line[:1] == b"$":
            return self.reply.read(int(line[1:]) + 2)
        return line


class RedisMaxmemory(Redis):
    pattern = "redis-maxmemory"
    options = ("--maxmemory", "48mb", "--maxmemory-policy", "allkeys-lru")
    families = 1_000_000


class RedisLeak(Redis):
    """A client sets keys that nobody deletes, 25 a second of 4 KB."""
    pattern = "redis-leak"
    leak = True
    requests = 100
    unit_bytes = 4096
    added = 0

    def work(self):
        super().work()
        for _ in range(25 if self.leaking else 0):
            self.added += 1
            self.command(b"SET", b"session:%012d" % self.added, b"x" * 4000)

    def kept_bytes(self):
        for line in self.command(b"INFO", b"memory").splitlines():
            if line.startswith(b"used_memory:"):
                return int(line[12:])
        raise RuntimeError("redis: INFO tells no used_memory")


# memcached --------------------------------------------------------------------------------------


class Memcached(Program):
    """Sets ever new keys at 1 MB/s until it is full, and goes on: it evicts then."""
    pattern = "memcached"
    period_s = 0.2
    added = 0

    def start(self):
        path = WORK + "/memcached.sock"
        self.serve(["memcached", "-u", "nobody", "-s", path, "-m", "64", "-t", "2"])
        until(lambda: connects(socket.AF_UNIX, path), self.server, "memcached")
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.reply = self.socket.makefile("rb")

    def work(self):
        text = b""
        for _ in range(50):
            self.added += 1
            text += b"set key:%d 0 0 4000\r\n%s\r\n" % (self.added, b"x" * 4000)
        self.socket.sendall(text)
        for _ in range(50):
            if self.reply.readline() != b"STORED\r\n":
                raise RuntimeError("memcached did not store")


# HTTP servers -----------------------------------------------------------------------------------


class Http(Program):
    port = 8080
    requests = 30
    path = "/"
    post = None  # size of what is posted

    def serve_http(self, args):
        self.serve(args)
        until(lambda: connects(socket.AF_INET, ("127.0.0.1", self.port)), self.server, args[0])

    def work(self):
        args = ["ab", "-q", "-n", str(self.requests), "-c", "2"]
        if self.post:
            body = WORK + "/body"
            if not os.path.exists(body):
                with open(body, "w", encoding="ascii") as f:
                    f.write("x" * self.post)
            args += ["-p", body, "-T", "text/plain"]
        run(args + [f"http://127.0.0.1:{self.port}{self.path}"])

    def ask_kept(self):
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        client.request("GET", "/kept")
        kept = int(client.getresponse().read())
        client.close()
        return kept


class Nginx(Http):
    pattern = "nginx"
    requests = 200
    pages = 20

    def start(self):
        os.makedirs(WORK + "/www")
        for i in range(self.pages):
            with open(f"{WORK}/www/{i}.html", "w", encoding="ascii") as f:
                f.write("x" * (1000 << i % 8))
        with open(WORK + "/nginx.conf", "w", encoding="ascii") as f:
            f.write(f"""daemon off; pid {WORK}/nginx.pid; worker_processes 2; user www-data;
                events {{ worker_connections 256; }}
                http {{ access_log {WORK}/access.log; gzip on; gzip_types text/html;
                        server {{ listen 127.0.0.1:{self.port}; root {WORK}/www; }} }}""")
        self.serve_http(["nginx", "-c", WORK + "/nginx.conf", "-e", "stderr"])

    def work(self):
        self.path = f"/{random.randrange(self.pages)}.html"
        super().work()


class Node(Http):
    """Answers with documents that it makes anew for each request."""
    pattern = "node"

    def start(self):
        self.serve_http(["node", HERE + "/server.js", str(self.port), "serve"])


class NodeLeak(Http):
    """Keeps the body of every request, 6 a second of 32 KiB, once it is told to."""
    pattern = "node-leak"
    leak = True
    requests = 6
    post = 32 << 10
    unit_bytes = 32 << 10

    def start(self):
        self.serve_http(["node", HERE + "/server.js", str(self.port), "serve"])

    def work(self):
        self.path = "/keep" if self.leaking else "/drop"
        super().work()

    def kept_bytes(self):
        return self.ask_kept()


class Python(Http):
    """A cache of what was asked for, of at most 2000 entries of 8 KiB."""
    pattern = "python-bounded"
    post = 8 << 10
    entries = 2000

    def start(self):
        self.serve_http(["python3", HERE + "/server.py", str(self.port), str(self.entries)])

    def work(self):
        self.path = "/bounded"
        super().work()


class PythonLeak(Python):
    """A smaller one, 15 requests a second, and from a moment on nothing is ever evicted."""
    pattern = "python-leak"
    leak = True
    entries = 500
    requests = 15
    unit_bytes = 8 << 10

    def work(self):
        self.path = "/unbounded" if self.leaking else "/bounded"
        Http.work(self)

    def kept_bytes(self):
        return self.ask_kept()


# openjdk ----------------------------------------------------------------------------------------


class Java(Program):
    """Allocates for garbage and replaces entries of a map of fixed size."""
    pattern = "openjdk"
    options = ("-Xmx96m",)
    mode = "churn"

    def start(self):
        self.serve(["java", *self.options, "-cp", HERE, "Workload", self.mode],
                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if self.server.stdout.readline() != b"ready\n":
            raise RuntimeError("java did not start")


class JavaLeak(Java):
    """Adds two arrays of 8 KiB to a static list ten times a second."""
    pattern = "openjdk-leak"
    leak = True
    options = ("-Xmx512m", "-Xmn16m")
    mode = "leak"
    unit_bytes = 8 << 10

    def kept_bytes(self):
        self.server.stdin.write(b"leak\n" if self.leaking else b"churn\n")
        self.server.stdin.flush()
        return int(self.server.stdout.readline())


# postgres ---------------------------------------------------------------------------------------


class Postgres(Program):
    """pgbench's transactions, 40 a second by two clients."""
    pattern = "postgres"

    def start(self):
        tools = glob.glob("/usr/lib/postgresql/*/bin")[0]
        data = WORK + "/data"
        own = {"user": "postgres", "group": "postgres", "extra_groups": [], "cwd": WORK}
        run([tools + "/initdb", "-D", data, "-A", "trust", "--no-sync", "--locale=C"], **own)
        self.serve([tools + "/postgres", "-D", data, "-k", WORK, "-c", "listen_addresses=",
                    "-c", "shared_buffers=32MB", "-c", "synchronous_commit=off"], **own)
        until(lambda: subprocess.run([tools + "/pg_isready", "-q", "-h", WORK],
                                     check=False).returncode == 0, self.server, "postgres")
        bench = [tools + "/pgbench", "-h", WORK]
        run(bench + ["-i", "-q", "-s", "1", "postgres"], **own)
        self.client = spawn(bench + ["-c", "2", "-j", "1", "-R", "40", "-T", "1000000",
                                     "postgres"], **own)

    def alive(self):
        return super().alive() and self.client.poll() is None


# programs that come and go ----------------------------------------------------------------------


class Gcc(Program):
    """Compiles 40 files of 20 to 400 functions in turn, one every two seconds."""
    pattern = "gcc"
    period_s = 2.0
    files = 40
    turn = 0

    def start(self):
        for i in range(self.files):
            with open(f"{WORK}/{i}.c", "w", encoding="ascii") as f:
                f.write("#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n")
                for k in range(20 * (1 + i % 20)):
                    f.write(f"int f{k}(const char *s, int n) {{ char b[{64 + k}]; int x = {k};\n"
                            "for (int i = 0; i < n; i++) { x = x * 31 + s[i]; if (x % 7 == 3)"
                            " snprintf(b, sizeof(b), \"%d\", x); }"
                            " return x + (int)strlen(b) + atoi(s); }\n")

    def work(self):
        self.turn += 1
        return spawn(["gcc", "-O2", "-c", f"{WORK}/{self.turn % self.files}.c",
                      "-o", WORK + "/out.o"])


class Sort(Program):
    """Sorts a file of 8 MB in 4 MB of memory, every 15 seconds."""
    pattern = "sort"
    period_s = 15.0

    def start(self):
        source = random.Random(1)
        with open(WORK + "/in", "w", encoding="ascii") as f:
            for _ in range(200_000):
                f.write(f"{source.getrandbits(160):040d}\n")

    def work(self):
        return spawn(["sort", "-S", "4M", "--parallel=1", "-T", WORK, "-o", WORK + "/out",
                      WORK + "/in"], env={"LC_ALL": "C", "PATH": os.environ["PATH"]})


class Sqlite(Program):
    """Replaces rows of a table of at most 20,000 rows through a page cache of 8 MB."""
    pattern = "sqlite"
    period_s = 0.5

    def start(self):
        self.serve(["sqlite3", WORK + "/db"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        self.say("PRAGMA synchronous = OFF; PRAGMA cache_size = -8000;"
                 "CREATE TABLE t (k INTEGER PRIMARY KEY, v BLOB);")

    def say(self, sql):
        self.server.stdin.write(sql.encode() + b"\n")
        self.server.stdin.flush()

    def work(self):
        rows = ",".join(f"({random.randrange(20_000)}, randomblob(500))" for _ in range(100))
        low = random.randrange(19_000)
        self.say(f"INSERT OR REPLACE INTO t VALUES {rows};"
                 f"SELECT sum(length(v)) FROM t WHERE k BETWEEN {low} AND {low + 1000};")


class StressNg(Program):
    """The methods of stress-ng's vm stressor in turn, one second of every eight."""
    pattern = "stress-ng-vm"
    period_s = 8.0
    methods = ("flip", "galpat-0", "galpat-1", "gray", "incdec", "inc-nybble", "rand-set",
               "rand-sum", "read64", "ror", "swap", "move-inv", "modulo-x", "prime-0", "walk-0d",
               "walk-1a", "write64", "zero-one")
    turn = 0

    def work(self):
        self.turn += 1
        return spawn(["stress-ng", "--quiet", "--vm", "1", "--vm-bytes", "32M", "--timeout", "1s",
                      "--vm-method", self.methods[self.turn % len(self.methods)],
                      "--temp-path", WORK])


PROGRAMS = {c.pattern: c for c in (
    Redis, RedisMaxmemory, RedisLeak, Memcached, Nginx, Node, NodeLeak, Python, PythonLeak, Java,
    JavaLeak, Postgres, Gcc, Sort, Sqlite, StressNg)}
