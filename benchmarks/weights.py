"""How fast the kernel gradient is, next to the convolution itself.

Both multiply the same pairs of numbers, so the ratio of their times is that per
multiply-add.  Times C x for fixed w (planned once), the gradient for fixed x, and C x for
fixed x, where every product has another w; then torch's convolution and its weight
gradient.  In each round every contender runs once, its best round counts.  With
``--threads 1`` the time is that of the process, which others on the machine do not
lengthen.  Some sums of each gradient are checked in float64; the exit status is 1 if one
is WRONG.

Run ``nox -s bench``, or ``python benchmarks/weights.py --threads 1 --only fcn-64-k3``.
"""

import sys
from argparse import ArgumentParser, Namespace
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from time import perf_counter, process_time, sleep
from typing import Any

import numpy as np
from assembly import machine, versions
from peers import NAMES, PROBLEMS, Call, Problem, modules

import convadjoint as ca
from convadjoint.engines import Weights, num_threads

HEADS = "problem | dtype | engines | C, ms | gradient | C of another w | torch's C, ms | its gradient, ms"
SUMS, TOLERANCE = 12, 64


def main() -> None:
    """Print machine, versions and the table."""
    parser = ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default=NAMES, metavar="NAME[,NAME]", help=NAMES)
    parser.add_argument("--rounds", type=int, default=9, help="timings of each call")
    parser.add_argument("--pause", type=float, default=0.02, help="seconds before each")
    parser.add_argument("--threads", type=int, default=num_threads())
    options = parser.parse_args()
    ca.set_num_threads(options.threads)
    modules()
    clock = "processor's" if options.threads == 1 else "clock's"
    print(
        f"{machine()}\n{versions()}\n{options.threads} threads, {clock} time, best of"
    )
    print(f"{options.rounds}; gradients and C of another w relative to C\n")
    print(f"| {HEADS} |\n|{' --- |' * 3}{' ---: |' * 5}")
    right = [row(w, options) for w in PROBLEMS if w.name in options.only.split(",")]
    sys.exit(not all(right))


def row(w: Problem, options: Namespace) -> bool:
    """Time and check one problem, and print its row."""
    rng = np.random.default_rng(0)
    x, kernel = (rng.standard_normal(shape, w.dtype) for shape in (w.x, w.w))
    words = {"stride": w.stride, "dilation": w.dilation, "groups": w.groups}
    make = getattr(ca, f"Conv{len(w.x) - 2}DOp")
    op = make(w.x, kernel, padding=w.padding, **words)
    z = rng.standard_normal(op.dimsd).astype(w.dtype)
    weights = Weights(op.spec, x)
    calls = {
        "c": partial(op.__matmul__, x),
        "gradient": partial(weights.gradient, z),
        "another": partial(weights.apply, kernel),
        **of_torch(w, x, kernel, z),
    }
    best = best_times(calls, options)
    right = agrees(w, x, z, weights.gradient(z))
    cells = [f"{1e3 * best['c']:.3g}", f"{best['gradient'] / best['c']:.2f}"]
    cells += [f"{best['another'] / best['c']:.2f}"]
    if "torch" in best:
        cells += [f"{1e3 * best['torch']:.3g}"]
        cells += [f"{1e3 * best['torch gradient']:.3g}"]
    chosen = f"{op.engine}, {weights.chosen}" if right else "WRONG"
    print(f"| {w.name} | {w.dtype} | {chosen} | {' | '.join(cells)} |", flush=True)
    return right


def best_times(calls: dict[str, Call], options: Namespace) -> dict[str, float]:
    """Let all contenders take turns; return the least seconds of each."""
    clock = process_time if options.threads == 1 else perf_counter
    best = dict.fromkeys(calls, np.inf)
    for _ in range(options.rounds):
        for name, call in calls.items():
            sleep(options.pause)
            # torch asks for more memory than there is where a kernel is large.
            with suppress(RuntimeError):
                call()
                start = clock()
                call()
                best[name] = min(best[name], clock() - start)
    return best


def of_torch(w: Problem, x: np.ndarray, kernel: np.ndarray, z: np.ndarray) -> Any:
    """The convolution of torch, and what its backward pass does for the weights."""
    if not find_spec("torch"):
        return {}
    torch = modules()["torch"]
    rank = x.ndim - 2
    function = getattr(torch.nn.functional, f"conv{rank}d")
    gradient = getattr(torch.nn.grad, f"conv{rank}d_weight")
    words = {"stride": w.per_axis(w.stride), "padding": w.per_axis(w.padding)}
    words |= {"dilation": w.per_axis(w.dilation), "groups": w.groups}
    x_, kernel_, z_ = map(torch.from_numpy, (x, kernel, z))
    return {
        "torch": partial(function, x_, kernel_, **words),
        "torch gradient": partial(gradient, x_, kernel.shape, z_, **words),
    }


def agrees(w: Problem, x: np.ndarray, z: np.ndarray, found: np.ndarray) -> bool:
    """Compare some sums with the definition, in float64."""
    rng = np.random.default_rng(1)
    ends = [(w.padding, w.padding)] * (x.ndim - 2)
    padded = np.pad(x, [(0, 0), (0, 0), *ends])
    gaps = []
    for place in rng.integers(0, found.shape, (SUMS, found.ndim)):
        o, c, *tap = place
        channel = o // (found.shape[0] // w.groups) * found.shape[1] + c
        steps = zip(
            tap, w.per_axis(w.dilation), w.per_axis(w.stride), z.shape[2:], strict=True
        )
        cut = (slice(j * d, j * d + (q - 1) * s + 1, s) for j, d, s, q in steps)
        products = padded[:, channel, *cut].astype(float) * z[:, o]
        scale = np.sqrt((products**2).sum()) * np.finfo(x.dtype).eps
        gaps.append(abs(found[tuple(place)] - products.sum()) / scale)
    return bool(max(gaps) < TOLERANCE)


if __name__ == "__main__":
    main()
