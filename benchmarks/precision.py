"""How far results are from the definition, engine by engine.

The definition is added up tap by tap in `numpy.longdouble`, which is float64 on some
systems: there the float64 rows say little.  A cell has two numbers.  The first is the
largest error in units of ``eps * (|w| * |x|)`` at the same sample, the rounding of one
term of each sum; the second is the largest error of all in units of
``eps * sum|w| * max|x|``, with the sum over what makes one sample.  Sums one by one keep
the first small, transforms only the second.

"double" is ``precision="double"``, and the last columns are SciPy and torch, where they
apply.  A dash is a refusal, or a matrix too large to be worth its memory.

Run ``nox -s bench``, or ``python benchmarks/precision.py --only 3x3,gaussian-25x25``.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from importlib.util import find_spec

import numpy as np
import scipy.signal
from assembly import machine, versions

import convadjoint as ca
from convadjoint.engines import ENGINES

MOST_ENTRIES = 50_000_000
PEERS = ("fftconvolve", "oaconvolve", "torch")
COLUMNS = (*ENGINES, "double", *PEERS)

Call = Callable[[], np.ndarray]


@dataclass(frozen=True)
class Problem:
    """An image and a kernel, ``(channel, *space)`` and ``(out, in, *taps)``, "same"."""

    name: str
    x: np.ndarray
    kernel: np.ndarray

    def astype(self, dtype: type[np.floating]) -> "Problem":
        """Round the data."""
        return Problem(self.name, self.x.astype(dtype), self.kernel.astype(dtype))


def main() -> None:
    """Print machine, versions and one row for each problem and dtype."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", metavar="NAME[,NAME]")
    only = parser.parse_args().only
    torch = (
        f", torch {import_module('torch').__version__}" if find_spec("torch") else ""
    )
    print(f"{machine()}\n{versions()}{torch}\n{datetime.now(UTC):%F}\n")
    heads = ("problem", "dtype", *COLUMNS)
    print(f"| {' | '.join(heads)} |\n|{' --- |' * len(heads)}")
    for problem in problems():
        if problem.name in (only or problem.name).split(","):
            print(f"running {problem.name}", file=sys.stderr, flush=True)
            for dtype in (np.float32, np.float64):
                print(row(problem.astype(dtype)), flush=True)


def problems() -> Iterator[Problem]:
    """Yield noise with kernels of noise and a Gaussian, and a layer of a network."""
    rng = np.random.default_rng(0)
    image = rng.standard_normal((1, 256, 256))
    for k in (3, 15, 63):
        yield Problem(f"{k}x{k}", image, rng.standard_normal((1, 1, k, k)))
    gaussian = ca.gaussian_kernel((25, 25), 5.0)
    yield Problem("gaussian-25x25", image, gaussian[None, None])
    layer = rng.standard_normal((64, 64, 3, 3))
    yield Problem("3x3-64-channels", rng.standard_normal((64, 32, 32)), layer)


def row(problem: Problem) -> str:
    """Measure the errors of all columns."""
    x, kernel = problem.x, problem.kernel
    exact = definition(x, kernel)
    local = definition(abs(x), abs(kernel))
    whole = abs(kernel).sum(axis=(1, 2, 3)).max() * abs(x).max()
    eps = np.finfo(x.dtype).eps
    cells = dict.fromkeys(COLUMNS, "–")
    for name, call in contenders(problem):
        error = abs(call() - exact) / eps
        cells[name] = f"{(error / local).max():.2g} / {(error / whole).max():.2g}"
    return f"| {problem.name} | {x.dtype} | {' | '.join(cells.values())} |"


def definition(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Correlate with zeros around, one tap after the other, in extended precision."""
    x, kernel = x.astype(np.longdouble), kernel.astype(np.longdouble)
    taps, (height, width) = kernel.shape[2:], x.shape[1:]
    wide = np.pad(x, [(0, 0), *((k // 2, k // 2) for k in taps)])
    total = np.zeros((len(kernel), height, width), np.longdouble)
    for i, j in np.ndindex(taps):
        part = wide[:, i : i + height, j : j + width]
        total += np.tensordot(kernel[:, :, i, j], part, axes=1)
    return total


def contenders(problem: Problem) -> Iterator[tuple[str, Call]]:
    """Yield a call for every column that applies."""
    for name in ENGINES:
        call = engine(problem, name)
        if call is not None:
            yield name, call
    if problem.x.dtype == np.float32:
        op = operator(problem, "auto", "double")
        yield "double", lambda: op @ problem.x
    if len(problem.x) == 1:
        yield "fftconvolve", lambda: transformed(problem, scipy.signal.fftconvolve)
        yield "oaconvolve", lambda: transformed(problem, scipy.signal.oaconvolve)
    if find_spec("torch"):
        yield "torch", lambda: by_torch(problem)


def operator(problem: Problem, name: str, precision: str = "native") -> ca.Conv2DOp:
    """C, computed by one engine."""
    return ca.Conv2DOp(
        problem.x.shape,
        problem.kernel,
        padding="same",
        engine=name,
        precision=precision,
    )


def engine(problem: Problem, name: str) -> Call | None:
    """C x by one engine, unless it refuses."""
    try:
        op = operator(problem, name)
    except ca.EngineRefusal:
        return None
    if name == "sparse" and op.nnz > MOST_ENTRIES:
        return None
    return lambda: op @ problem.x


def transformed(problem: Problem, function: Callable[..., np.ndarray]) -> np.ndarray:
    """C x by a function of SciPy, which turns the kernel."""
    return function(problem.x, np.flip(problem.kernel[0], (1, 2)), "same", axes=(1, 2))


def by_torch(problem: Problem) -> np.ndarray:
    """C x by torch."""
    torch = import_module("torch")
    x, kernel = torch.from_numpy(problem.x), torch.from_numpy(problem.kernel)
    return torch.nn.functional.conv2d(x, kernel, padding="same").numpy()


if __name__ == "__main__":
    main()
