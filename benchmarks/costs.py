"""How well ``engine="auto"`` chooses: estimates against measurements.

Draws problems that people have (blurs, layers, depthwise layers, traces, volumes) at
random, times every engine whose estimate is within thirty times the least, and prints
what "auto" would take, what is fastest, and the ratio of their times: the regret.  The
constants in ``convadjoint/engines/cost.py`` are set by looking at this table.

Run ``nox -s bench``, or ``python benchmarks/costs.py --problems 200``.
"""

import argparse
import random
from collections.abc import Callable, Iterator
from time import perf_counter

import numpy as np

import convadjoint as ca
from convadjoint.engines import ENGINES, cost, plan, transpose_kernel

WITHIN, LONGEST = 30, 3.0
DTYPES = *("float32",) * 6, *("float64",) * 3, "complex64", "complex128"


def main() -> None:
    """Print a row for each problem, and how many choices are within 1.25 of the best."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--problems", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    random.seed(arguments.seed)
    regrets = []
    for _ in range(arguments.problems):
        operator = problem()
        estimates, times = compared(operator)
        chosen = min(times, key=estimates.__getitem__)
        best = min(times, key=times.__getitem__)
        regrets.append(times[chosen] / times[best])
        listed = ", ".join(
            f"{name} {times[name] * 1e3:.3g} ({estimates[name] * 1e3:.3g})"
            for name in sorted(times, key=times.__getitem__)
        )
        print(f"{regrets[-1]:5.2f} {chosen} for {operator}\n      {listed}", flush=True)
    good = sum(regret <= 1.25 for regret in regrets)
    print(f"milliseconds, measured (estimated); {good} of {len(regrets)} within 1.25")


def problem() -> ca.Conv2DOp:
    """Draw a problem: an operator or its transpose."""
    kind = random.choice((blur, blur, blur, layer, layer, depthwise, traces, volume))
    operator = kind()
    return operator.T if random.random() < 0.5 else operator


def blur() -> ca.Conv2DOp:
    """A point-spread function on an image, sometimes a Gaussian, a disk or two lines."""
    n = random.choice((32, 64, 128, 256, 512, 1024))
    k = min(n // 2, random.choice((3, 5, 7, 9, 15, 25, 41, 63)))
    away = np.arange(k) - (k - 1) / 2
    disk = np.hypot.outer(away, away) <= k / 2
    psf = random.choice(
        (
            ca.gaussian_kernel((k, k), k / 5),
            disk.astype(float),
            noise(k, 2) @ noise(2, k),
            *(noise(k, k),) * 5,
        )
    )
    return ca.Conv2DOp((n, n), psf, **words(strides=(1, 1, 1, 2, 3, 4, 8)))


def layer() -> ca.Conv2DOp:
    """A layer of a network."""
    n, k = random.choice((8, 16, 32, 64, 128)), random.choice((1, 3, 4, 5))
    c_in, c_out = random.choice((3, 16, 64)), random.choice((3, 16, 64))
    return ca.Conv2DOp((c_in, n, n), noise(c_out, c_in, k, k), **words())


def depthwise() -> ca.Conv2DOp:
    """A layer that mixes no channels."""
    n, k = random.choice((14, 56, 256, 512)), random.choice((3, 4, 5, 7))
    c = random.choice((3, 16, 128))
    return ca.Conv2DOp((c, n, n), noise(c, 1, k, k), groups=c, **words())


def traces() -> ca.Conv1DOp:
    """A wavelet on a gather."""
    n, batch = random.choice(((256, 256), (4096, 32), (65536, 1), (65536, 32)))
    k = min(n // 2, random.choice((5, 31, 101, 1001)))
    return ca.Conv1DOp((batch, n), noise(k), **words(strides=(1, 1, 2)))


def volume() -> ca.Conv3DOp:
    """A kernel on a volume."""
    n, k = random.choice((16, 32, 64)), random.choice((3, 5, 7))
    return ca.Conv3DOp((n, n, n), noise(k, k, k), **words())


def noise(*shape: int) -> np.ndarray:
    """A kernel of no structure."""
    return np.random.default_rng(0).standard_normal(shape)


def words(strides: tuple[int, ...] = (1, 1, 2)) -> dict[str, object]:
    """The other keywords."""
    return {
        "stride": random.choice(strides),
        "dilation": random.choice((1, 1, 1, 2)),
        "padding": "same",
        "padding_mode": random.choice(("zeros", "zeros", "circular", "reflect")),
        "dtype": random.choice(DTYPES),
    }


def compared(operator: ca.Conv2DOp) -> tuple[dict[str, float], dict[str, float]]:
    """Estimated and measured seconds of the engines that come into question."""
    weights = canonical(operator)
    estimates = cost.estimates(operator.spec, weights)
    able = {
        name: seconds
        for name, seconds in estimates.items()
        if ENGINES[name].refuses(operator.spec, weights) is None
    }
    limit = min(LONGEST, WITHIN * min(able.values()))
    x = np.random.default_rng(0).standard_normal(operator.spec.dims)
    times = {
        name: timed(plan(name, operator.spec, weights).apply, x.astype(operator.dtype))
        for name, seconds in able.items()
        if seconds <= limit
    }
    return estimates, times


def canonical(operator: ca.Conv2DOp) -> np.ndarray:
    """The kernel that goes with the operator's spec."""
    if not operator.transposed:
        return operator.kernel.reshape(operator.spec.kernel_shape)
    forward = operator.kernel.reshape(operator.spec.transpose().kernel_shape)
    return transpose_kernel(forward, operator.spec.groups)


def timed(function: Callable[[np.ndarray], np.ndarray], x: np.ndarray) -> float:
    """The shortest of a few calls, after one that does not count."""
    return min(_seconds(function, x))


def _seconds(
    function: Callable[[np.ndarray], np.ndarray], x: np.ndarray
) -> Iterator[float]:
    """Times of some calls; fewer if they take long."""
    function(x)
    spent, count = 0.0, 0
    while count < 2 or (spent < 0.1 and count < 20):
        start = perf_counter()
        function(x)
        yield perf_counter() - start
        spent, count = spent + perf_counter() - start, count + 1


if __name__ == "__main__":
    main()
