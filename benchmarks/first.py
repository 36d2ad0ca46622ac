"""How long the first products take: where code is compiled, and where it was kept.

For each engine and problem, several new processes compute `C x` and `Cᵀ y` once; the
first one finds nothing that was kept.  Imports are not counted.

Run ``nox -s bench``, or ``python benchmarks/first.py``.
"""

import os
import subprocess
import sys
from argparse import ArgumentParser
from datetime import UTC, datetime
from importlib.metadata import version
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
from assembly import machine, versions

import convadjoint as ca

PROCESSES = 4
PROBLEMS = {
    "7×7 on 512²": ("direct", (512, 512), (7, 7)),
    "31 taps on 512 traces of 1024": ("direct", (512, 1024), (31,)),
    "64 → 64 channels, 3×3 on 64²": ("winograd", (64, 64, 64), (64, 64, 3, 3)),
    "63×63 on 512²": ("fft", (512, 512), (63, 63)),
    "Gaussian, 25×25 on 512²": ("separable", (512, 512), (25, 25)),
}


def main() -> None:
    """Print machine, versions and one row for each problem and dtype."""
    ArgumentParser(description=__doc__.partition("\n")[0]).parse_args()
    llvmlite = version("llvmlite")
    print(f"{machine()}\n{versions()}, llvmlite {llvmlite}\n{datetime.now(UTC):%F}\n")
    print("| problem | engine | dtype | compiled, s | kept, s |")
    print("| --- | --- | --- | ---: | ---: |")
    for name, (engine, *_) in PROBLEMS.items():
        for dtype in ("float32", "float64"):
            with TemporaryDirectory() as folder:
                first, *others = (
                    measured(name, dtype, folder) for _ in range(PROCESSES)
                )
            row = f"{first:.2f} | {min(others):.3f}"
            print(f"| {name} | {engine} | {dtype} | {row} |", flush=True)


def measured(name: str, dtype: str, folder: str) -> float:
    """Seconds of both products in a new process, which keeps code in a folder."""
    environment = os.environ | {"CONVADJOINT_CACHE_DIR": folder}
    command = [sys.executable, __file__, name, dtype]
    return float(subprocess.check_output(command, env=environment, text=True))


def seconds(name: str, dtype: str) -> float:
    """Seconds of both products in this process."""
    engine, dims, shape = PROBLEMS[name]
    rng = np.random.default_rng(0)
    x, kernel = (rng.standard_normal(one).astype(dtype) for one in (dims, shape))
    if engine == "separable":
        kernel = ca.gaussian_kernel(shape, 5.0, dtype=dtype)
    kind = ca.Conv1DOp if kernel.ndim == 1 else ca.Conv2DOp
    op = kind(dims, kernel, padding="same", engine=engine)
    start = perf_counter()
    op.T @ (op @ x)
    return perf_counter() - start


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(seconds(*sys.argv[1:]))
    else:
        main()
