#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Makes one report of what the benchmarks have left in BUILD/bench: report.md and report.json, with
when it was measured and on what. --write=FILE puts the same tables into a document instead, each
between "<!-- bench: NAME -->" and "<!-- end of bench -->".
"""
import argparse
import json
import os
import platform
import re
import sys
import time

import results

# What each leaves, in the order of the report: a table and its JSON, or the text it has printed.
TABLES = [
    ("storm", "The storm of page faults"),
    ("sharp", "The program against an empty one"),
    ("parts", "Parts of a program on the hook"),
    ("work", "Real work"),
    ("events", "Programs, records and losses"),
    ("scale", "The collector with thousands of processes"),
]
TEXTS = [
    ("tracking", "Delays"),
    ("detect", "The detector alone"),
    ("replay", "Replay of a recording"),
    ("ledger", "Polling cgroups"),
    ("session", "The session"),
    ("schedule", "memgen's schedule"),
]


def read(path):
    try:
        with open(path) as f:
            return f.read()
    except FileNotFoundError:
        return None


def modified(path):
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(os.path.getmtime(path)))


def cpu_model():
    for line in (read("/proc/cpuinfo") or "").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def parts_of(folder):
    """(key, title, Markdown, figures or None) of what is there."""
    found = []
    for key, title in TABLES:
        text, figures = read(f"{folder}/{key}.md"), read(f"{folder}/{key}.json")
        if text:
            found.append((key, title, text.strip(), json.loads(figures) if figures else None))
    for key, title in TEXTS:
        text = read(f"{folder}/{key}.txt")
        if text:
            found.append((key, title, f"Measured {modified(f'{folder}/{key}.txt')}.\n\n"
                          f"```\n{text.strip()}\n```", text))
    return found


def write_into(path, parts):
    """Replaces the tables in a document; those that were not measured stay as they are."""
    document = read(path)
    if document is None:
        sys.exit(f"report.py: --write={path}: there is no such file")
    wanted = re.findall(r"^<!-- bench: (\w+) -->$", document, re.M)
    for key, _, text, _ in parts:
        document = re.sub(rf"(^<!-- bench: {key} -->$).*?(^<!-- end of bench -->$)",
                          lambda m: f"{m[1]}\n{text}\n{m[2]}", document, flags=re.M | re.S)
    with open(path, "w") as f:
        f.write(document)
    stale = sorted(set(wanted) - {key for key, _, _, _ in parts})
    print(f"{path}: {len(wanted) - len(stale)} of {len(wanted)} tables written"
          + (f"; not measured: {', '.join(stale)}" if stale else ""))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    results.add_build_option(parser)
    parser.add_argument("--write", metavar="FILE", help="a document with places for the tables")
    args = parser.parse_args()
    folder = f"{args.build}/bench"
    parts = parts_of(folder)
    if not parts:
        sys.exit(f"report.py: {folder}: no benchmark has left anything there; run `make bench` or "
                 "a part of it, or name another --build")
    if args.write:
        return write_into(args.write, parts)
    about = results.circumstances(args.build)
    about["cpu"] = cpu_model()
    with open(f"{folder}/report.json", "w") as f:
        json.dump({"written": about, "parts": {key: figures for key, _, _, figures in parts}}, f,
                  indent=1)
    with open(f"{folder}/report.md", "w") as f:
        f.write("# leaklab's benchmarks\n\n"
                f"Linux {about['kernel']}, {about['cpus']} CPUs ({about['cpu']}), "
                f"{about['program']}, written {about['measured']}. Figures are of this host; what "
                "they mean is in docs/performance.md.\n")
        for _, title, text, _ in parts:
            f.write(f"\n## {title}\n\n{text}\n")
    print(f"{folder}/report.md, {folder}/report.json")
    return None


if __name__ == "__main__":
    main()
