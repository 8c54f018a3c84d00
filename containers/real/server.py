# SPDX-License-Identifier: GPL-2.0-or-later
"""
An HTTP server with a cache of what was posted: POST /bounded evicts the oldest beyond ENTRIES,
POST /unbounded evicts nothing, GET /kept tells how many bytes it keeps: server.py PORT ENTRIES.
"""
import collections
import http.server
import sys

MALLOC_HEADER = 8
MALLOC_ALIGN = 16
ENTRIES_MAX = int(sys.argv[2])


def block_bytes(thing):
    """What malloc() takes for an object."""
    size = sys.getsizeof(thing) + MALLOC_HEADER
    return (size + MALLOC_ALIGN - 1) // MALLOC_ALIGN * MALLOC_ALIGN


class Cache:
    def __init__(self):
        self.entries = collections.OrderedDict()
        self.number = 0
        self.body_bytes = 0

    def put(self, body, bounded):
        self.number += 1
        self.entries[self.number] = body
        self.body_bytes += block_bytes(body)
        while bounded and len(self.entries) > ENTRIES_MAX:
            self.body_bytes -= block_bytes(self.entries.popitem(last=False)[1])

    def kept_bytes(self):
        return self.body_bytes + block_bytes(self.entries)


CACHE = Cache()


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, text):
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        CACHE.put(body, self.path == "/bounded")
        self.answer(b"ok\n")

    def do_GET(self):
        self.answer(str(CACHE.kept_bytes()).encode())

    def log_message(self, *_args):
        """A request is not worth a line."""


http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
