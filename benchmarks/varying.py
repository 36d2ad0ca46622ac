"""Kernels that vary in space, beside PyLops' operators for them.

Both get the same kernels on the same grid, and are timed in turn; the table has the
least time of each, and how many times as long PyLops takes.  Its 2-D operator runs
compiled by numba.  Results are compared first.

Run ``python benchmarks/varying.py --repeats 5``.
"""

import argparse
from collections.abc import Callable, Iterator
from importlib.metadata import version
from time import perf_counter
from typing import Any

import numpy as np
from pylops.signalprocessing import NonStationaryConvolve1D, NonStationaryConvolve2D

import convadjoint as ca


def main() -> None:
    """Print one row for each problem and direction."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=5, help="timings of each kind")
    repeats = parser.parse_args().repeats
    packages = ("convadjoint", "numpy", "scipy", "numba", "pylops")
    print(", ".join(f"{name} {version(name)}" for name in packages))
    heads = ("problem", "dtype", "direction", "convadjoint, ms", "PyLops, ms", "ratio")
    print(f"\n| {' | '.join(heads)} |\n|{' --- |' * 3}{' ---: |' * 3}")
    for name, ours, theirs in problems():
        for direction in ("forward", "adjoint"):
            print(row(name, ours, theirs, direction, repeats), flush=True)


def problems() -> Iterator[tuple[str, ca.VaryingConvOp, Any]]:
    """Yield names and both operators."""
    rng = np.random.default_rng(0)
    words = {"padding": "same", "flip": True}
    for dtype in (np.float32, np.float64):
        line = tuple(range(512, 2**16, 1024))
        hs = rng.standard_normal((len(line), 81)).astype(dtype)
        ours = ca.VaryingConvOp(2**16, hs, grid=line, **words)
        theirs = NonStationaryConvolve1D(2**16, hs, line, dtype=dtype)
        yield f"65,536, {len(line)} kernels of 81", ours, theirs
        line = tuple(range(51, 512, 102))
        hs = rng.standard_normal((len(line), len(line), 15, 15)).astype(dtype)
        grid = (line, line)
        ours = ca.VaryingConvOp((512, 512), hs, grid=grid, **words)
        theirs = NonStationaryConvolve2D(
            (512, 512), hs, *grid, dtype=dtype, engine="numba"
        )
        yield f"512², {len(line)}² kernels of 15²", ours, theirs


def row(
    name: str, ours: ca.VaryingConvOp, theirs: Any, direction: str, repeats: int
) -> str:
    """Measure one direction and return its row of the table."""
    x = np.random.default_rng(1).standard_normal(ours.shape[1]).astype(ours.dtype)
    calls = (ours.matvec, theirs.matvec)
    if direction == "adjoint":
        calls = (ours.rmatvec, theirs.rmatvec)
    here, there = (call(x) for call in calls)
    gap = np.linalg.norm(here - there) / np.linalg.norm(there)
    if gap > 1e3 * np.finfo(ours.dtype).eps:
        msg = f"{name}: results differ by {gap}"
        raise SystemExit(msg)
    fast, slow = (1e3 * best for best in interleaved(calls, x, repeats))
    cells = (name, str(ours.dtype), direction, f"{fast:.2f}", f"{slow:.1f}")
    return f"| {' | '.join(cells)} | {slow / fast:.0f}× |"


def interleaved(
    calls: tuple[Callable[[Any], object], ...], x: object, repeats: int
) -> list[float]:
    """Time `calls` in turn; return the least seconds of each."""
    best = [np.inf] * len(calls)
    for _ in range(repeats):
        for number, call in enumerate(calls):
            start = perf_counter()
            call(x)
            best[number] = min(best[number], perf_counter() - start)
    return best


if __name__ == "__main__":
    main()
