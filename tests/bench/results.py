# SPDX-License-Identifier: GPL-2.0-or-later
"""What a benchmark leaves in BUILD/bench: a table and its figures, and when they were taken."""
import json
import os
import platform
import subprocess
import sys
import time


SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MEMGROWTH, HOOKS, STORM, SPAWNS = ("memgrowth", "tests/bench/hooks", "tests/bench/storm",
                                   "tests/bench/spawns")


def add_build_option(parser):
    parser.add_argument("--build", default=os.path.join(SOURCE, "build"), metavar="DIR",
                        help="the folder that the programs were built in (default: %(default)s)")


def check_build(tool, build, *programs):
    """Ends the program before anything is measured when one of these is not there."""
    if os.geteuid() != 0:
        sys.exit(f"{tool}: loads BPF programs: run it as root")
    for program in programs:
        if not os.access(os.path.join(build, program), os.X_OK):
            sys.exit(f"{tool}: --build={build}: {program} is not there; build it with "
                     "`make bench-programs`, or name the folder of another build")


def circumstances(build):
    """Of now; the revision is that of the program that was measured, as it says itself."""
    said = subprocess.run([f"{build}/memgrowth", "--version"], capture_output=True,
                          text=True).stdout
    return {"measured": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
            "program": said.splitlines()[0] if said else "unknown",
            "kernel": platform.release(), "cpus": os.cpu_count(),
            "load_average": round(os.getloadavg()[2], 2)}


class Result:
    """Made before the measurement, for the load on the machine of before it."""

    def __init__(self, build, name):
        self.build, self.name, self.about = build, name, circumstances(build)

    def save(self, markdown, figures):
        """Writes both files and prints the table."""
        os.makedirs(f"{self.build}/bench", exist_ok=True)
        with open(f"{self.build}/bench/{self.name}.json", "w") as f:
            json.dump({"about": self.about, **figures}, f, indent=1)
        text = (f"Measured {self.about['measured']} with {self.about['program']}, load over the 15 "
                f"minutes before {self.about['load_average']}.\n\n{markdown}")
        with open(f"{self.build}/bench/{self.name}.md", "w") as f:
            f.write(text)
        print(text, end="")
