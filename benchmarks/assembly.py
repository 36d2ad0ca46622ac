"""How long it takes to assemble C, and how much memory.

Assembly has to write the arrays of the matrix, so the yardstick is copying them once.
Both are timed in turn; the table has medians.  Memory is the peak that `tracemalloc`
sees during assembly, over the bytes of the finished arrays.  The goals are at most 5
times the copy and 1.3 times the bytes; the table marks rows that miss one, and the exit
status is 0 all the same.

Run ``nox -s bench``, or ``python benchmarks/assembly.py --repeats 5``.
"""

import argparse
import os
import platform
import statistics
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from time import perf_counter

import numpy as np
import scipy.sparse

import convadjoint as ca

MOST_TIME, MOST_MEMORY = 5.0, 1.3


def main() -> None:
    """Print machine, versions and one row for each matrix."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=15, help="timings of each kind")
    repeats = parser.parse_args().repeats
    print(f"{machine()}\n{versions()}\nmedians of {repeats}, {datetime.now(UTC):%F}\n")
    heads = ("matrix", "dtype", "entries", "MB", "assembly, ms", "copy, ms")
    heads += ("ratio", "peak")
    print(f"| {' | '.join(heads)} |\n|{' --- |' * 2}{' ---: |' * 6}")
    for name, operator in workloads():
        print(row(name, operator, repeats), flush=True)


def machine() -> str:
    """Name the processor and the cores that this process may use."""
    cpuinfo = Path("/proc/cpuinfo")
    models = [
        line.partition(":")[2].strip()
        for line in (cpuinfo.read_text().splitlines() if cpuinfo.exists() else ())
        if line.startswith("model name")
    ]
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count()
    return f"{models[0] if models else platform.processor()}, {cores} cores"


def versions() -> str:
    """Name everything that the numbers depend on."""
    packages = ("convadjoint", "numpy", "scipy")
    listed = ", ".join(f"{name} {version(name)}" for name in packages)
    return f"{platform.system()}, Python {platform.python_version()}, {listed}"


def workloads() -> Iterator[tuple[str, ca.ConvNDOp]]:
    """Yield names and operators: two convolutions, both directions, two dtypes."""
    rng = np.random.default_rng(0)
    for dtype in (np.float32, np.float64):
        small = rng.standard_normal((7, 7)).astype(dtype)
        image = ca.Conv2DOp((512, 512), small, padding="same")
        mixing = rng.standard_normal((16, 3, 3, 3)).astype(dtype)
        layer = ca.Conv2DOp((3, 256, 256), mixing, stride=2, padding=1)
        yield "512², 7×7", image
        yield "its transpose", image.T
        yield "3 → 16 channels, 256², 3×3, stride 2", layer
        yield "its transpose", layer.T


def row(name: str, operator: ca.ConvNDOp, repeats: int) -> str:
    """Measure one matrix and return its row of the table."""
    matrix = operator.tosparse()
    parts = (matrix.data, matrix.indices, matrix.indptr)
    nbytes = sum(part.nbytes for part in parts)
    assembly, copy = interleaved(
        operator.tosparse, lambda: [part.copy() for part in parts], repeats=repeats
    )
    time, memory = assembly / copy, peak(operator.tosparse) / nbytes
    cells = (
        name,
        str(operator.dtype),
        f"{matrix.nnz:,}",
        f"{nbytes / 1e6:.0f}",
        f"{1e3 * assembly:.1f}",
        f"{1e3 * copy:.1f}",
        f"{time:.1f}×{'' if time <= MOST_TIME else ' (too slow)'}",
        f"{memory:.2f}×{'' if memory <= MOST_MEMORY else ' (too much)'}",
    )
    return f"| {' | '.join(cells)} |"


def interleaved(*calls: Callable[[], object], repeats: int) -> list[float]:
    """Time `calls` in turn after a warm-up; return the median of each in seconds."""
    times: list[list[float]] = [[] for _ in calls]
    for call in calls:
        call()
    for _ in range(repeats):
        for call, past in zip(calls, times, strict=True):
            start = perf_counter()
            call()
            past.append(perf_counter() - start)
    return [statistics.median(past) for past in times]


def peak(assemble: Callable[[], scipy.sparse.sparray]) -> int:
    """Return the most bytes held at once during one assembly, its result included."""
    tracemalloc.start()
    try:
        assemble()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


if __name__ == "__main__":
    main()
