"""How much memory products take, beyond input and output.

For each problem of ``peers.py`` a new process computes C x and Cᵀ y three times.  A small
problem of the same kind comes before, so that code is in memory.  *kept* is what the plan
holds, and buffers that later products use as well; *planning* is the peak of the first
product, and *later* that of the third one, beyond what was there before and the output.
Linux says how much that is.

Run ``nox -s bench``, or ``python benchmarks/memory.py``.
"""

import gc
import subprocess
import sys
from argparse import ArgumentParser
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from assembly import machine, versions
from peers import PROBLEMS, Problem, drawn

MB = 2.0**20
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def main() -> None:
    """Print machine, versions and two rows for each problem."""
    ArgumentParser(description=__doc__.partition("\n")[0]).parse_args()
    if not CLEAR.exists():
        print("this system does not say how much memory a process has had")
        return
    print(f"{machine()}\n{versions()}\n{datetime.now(UTC):%F}, MB\n")
    print("| problem | engine | input | output | kept | planning | later |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for w in PROBLEMS:
        command = [sys.executable, __file__, w.name]
        print(subprocess.check_output(command, text=True), end="", flush=True)


def rows(w: Problem) -> None:
    """Print the rows of a problem."""
    for title, transposed in ((f"{w.name}, C", False), (f"{w.name}, Cᵀ", True)):
        _, op, data, _ = drawn(w, transposed)
        sizes = [min(n, 2 * w.dilation * k + 8) for n, k in zip(w.x, w.w, strict=True)]
        _, small, few, _ = drawn(replace(w, x=(*w.x[:2], *sizes[2:])), transposed)
        # It stays: what it leaves would be taken for what the other one needs.
        small = small.replace(engine=op.engine)
        small @ few
        kept, first, result = grown(op, data)
        grown(op, data)
        _, later, _ = grown(op, data)
        cells = (data.nbytes / MB, result, kept, first, later)
        numbers = " | ".join(f"{max(0.0, cell):.1f}" for cell in cells)
        print(f"| {title} | {op.engine} | {numbers} |", flush=True)


def grown(op: object, data: object) -> tuple[float, float, float]:
    """MB that a product leaves behind, and takes meanwhile, beyond its result."""
    gc.collect()
    CLEAR.write_text("5", "ascii")
    before = resident("VmRSS")
    y = op @ data
    result = y.nbytes / MB
    peak, after = resident("VmHWM"), resident("VmRSS")
    return after - before - result, peak - before - result, result


def resident(name: str) -> float:
    """MB of this process: now, or at most since that was cleared."""
    lines = STATUS.read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


if __name__ == "__main__":
    if len(sys.argv) == 2 and not sys.argv[1].startswith("-"):
        rows(next(w for w in PROBLEMS if w.name == sys.argv[1]))
    else:
        main()
