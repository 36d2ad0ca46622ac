"""How the time of a product grows: with the kernel, the image, the channels, the threads.

Draws measured times (dots) and what ``engine="auto"`` expects (lines), per engine, and
saves the figure.  Products are float32, planned before; each time is the least of some.

Run ``nox -s bench``, or ``python benchmarks/growth.py --out figure.png``.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes

import convadjoint as ca
from convadjoint.engines import ENGINES, cost, plan
from convadjoint.engines.pool import num_threads

mpl.use("Agg")
import matplotlib.pyplot as plt

COLOURS = {
    "direct": "#1b6ca8",
    "gemm": "#d1495b",
    "fft": "#2e933c",
    "separable": "#8e5ea2",
    "winograd": "#00798c",
    "taps": "#edae49",
    "sparse": "#777777",
}
LONGEST = 1.0
RNG = np.random.default_rng(0)

Operators = list[tuple[int, ca.ConvNDOp]]


def main() -> None:
    """Measure, draw, save."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("docs/_static/growth.png"))
    arguments = parser.parse_args()
    figure, axes = plt.subplots(2, 2, figsize=(11, 8), layout="constrained")
    kernels = [(k, blur(512, k)) for k in (3, 5, 7, 11, 15, 23, 31, 47, 63)]
    panel(axes[0, 0], kernels, "kernel, samples a side (image 512²)")
    images = [(n, blur(n, 15)) for n in (32, 64, 128, 256, 512, 1024, 2048)]
    panel(axes[0, 1], images, "image, samples a side (kernel 15²)")
    layers = [(c, layer(c)) for c in (1, 2, 4, 8, 16, 32, 64, 128)]
    panel(axes[1, 0], layers, "channels in and out (3², image 64²)")
    threads(axes[1, 1])
    figure.savefig(arguments.out, dpi=110)
    print(f"saved {arguments.out}")


def blur(n: int, k: int) -> ca.ConvNDOp:
    """A kernel of no structure on an image."""
    kernel = RNG.standard_normal((k, k)).astype(np.float32)
    return ca.ConvNDOp((n, n), kernel, padding="same")


def layer(c: int) -> ca.ConvNDOp:
    """A layer of a network."""
    kernel = RNG.standard_normal((c, c, 3, 3)).astype(np.float32)
    return ca.ConvNDOp((c, 64, 64), kernel, padding="same", channel_axis=0)


def panel(axes: Axes, operators: Operators, label: str) -> None:
    """Draw every engine against one size; stop where it takes too long."""
    for name, colour in COLOURS.items():
        found = []
        for size, operator in operators:
            kernel = operator.kernel.reshape(operator.spec.kernel_shape)
            expected = cost.estimates(operator.spec, kernel).get(name, np.inf)
            refused = ENGINES[name].refuses(operator.spec, kernel) is not None
            if refused or expected > LONGEST:
                continue
            seconds = least(operator, name, kernel)
            found.append((size, 1e3 * seconds, 1e3 * expected))
            print(f"{label}: {size} {name} {1e3 * seconds:.3g} ms", flush=True)
        lines(axes, found, colour, name)
    axes.set(xscale="log", yscale="log", xlabel=label, ylabel="ms a product")
    sizes = [size for size, _ in operators]
    axes.set_xticks(sizes, map(str, sizes))
    axes.minorticks_off()
    axes.grid(visible=True, alpha=0.3)
    axes.legend(fontsize=8)


def lines(
    axes: Axes, found: Sequence[tuple[int, float, float]], colour: str, name: str
) -> None:
    """Draw dots for measured times, a line for expected ones."""
    if found:
        sizes, measured, expected = zip(*found, strict=True)
        axes.plot(sizes, measured, "o", color=colour, label=name, markersize=5)
        axes.plot(sizes, expected, "-", color=colour, alpha=0.6, linewidth=1)


def least(operator: ca.ConvNDOp, name: str, kernel: np.ndarray) -> float:
    """Seconds of the fastest of some products."""
    apply = plan(name, operator.spec, kernel).apply
    x = RNG.standard_normal(operator.spec.dims).astype(np.float32)
    apply(x)
    return min(once(apply, x) for _ in range(7))


def once(apply: Callable[[np.ndarray], np.ndarray], x: np.ndarray) -> float:
    """Seconds of one product."""
    start = perf_counter()
    apply(x)
    return perf_counter() - start


def threads(axes: Axes) -> None:
    """Draw how much faster all threads are than one."""
    problems = {
        "7² on 1024²": blur(1024, 7),
        "15² on 1024²": blur(1024, 15),
        "63² on 1024²": blur(1024, 63),
        "64 → 64, 3², 64²": layer(64),
        "7² on 64²": blur(64, 7),
    }
    counts = sorted({1, 2, num_threads()})
    for place, (label, operator) in enumerate(problems.items()):
        x = RNG.standard_normal(operator.dims).astype(np.float32)
        seconds = []
        for count in counts:
            ca.set_num_threads(count)
            operator @ x
            seconds.append(min(once(operator.__matmul__, x) for _ in range(15)))
        ca.set_num_threads(None)
        axes.barh(place, seconds[0] / seconds[-1], color="#1b6ca8")
        print(f"{label} ({operator.engine}): {1e3 * np.array(seconds)} ms", flush=True)
    axes.set_yticks(range(len(problems)), problems)
    axes.set(xlabel=f"times faster on {counts[-1]} threads than on one")
    axes.grid(visible=True, axis="x", alpha=0.3)


if __name__ == "__main__":
    main()
