# SPDX-License-Identifier: GPL-2.0-or-later
"""What a benchmark leaves in BUILD/bench: a table and its figures, and when they were taken."""
import json
import os
import platform
import subprocess
import time


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
