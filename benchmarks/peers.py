"""How fast products are, next to what else one could call.

Times ``op @ x`` (C) and ``op.T @ y`` (C') next to the peers that are installed: torch,
OpenCV, SciPy, onnxruntime and JAX.  A peer that has no such function, or refuses, is left
out; what is ten times as slow as the best is not timed again.

In each round every contender runs once; its best round counts.  Some peers keep threads
spinning for tens of milliseconds after a call and would disturb whoever comes next, so
each call comes after a pause, and after an untimed one that wakes its own threads.  JAX
and BLAS take all CPUs that the process may use, whatever ``--threads`` says.

GFLOP/s count two operations for each non-zero of the matrix, whatever is really done.
The peak is a float32 product of matrices (half of it for float64), the memory floor is
copying x, y and w; saved multiplications and caches may pass 100 %.  The definition in
float64 checks our results at some samples; the exit status is 1 if one is WRONG.

Run ``nox -s bench``, or ``python benchmarks/peers.py --only deblur-psf15,fcn-64-k3``.
"""

import math
import statistics
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from importlib import import_module
from importlib.util import find_spec
from time import sleep
from timeit import repeat
from typing import Any, NamedTuple

import numpy as np
from assembly import machine, versions
from scipy import fft, signal

import convadjoint as ca
from convadjoint.engines import num_threads

HOPELESS, TOLERANCE, SAMPLES = 10, 64, 24
CONTENDERS = ("llvmlite", "torch", "cv2", "onnx", "onnxruntime", "jax")
HEADS = "problem | dtype | engine | ours, ms | best peer, ms | which | ratio | GFLOP/s"

Call = Callable[[], object]
Row = tuple[tuple[str, ...], float]


@dataclass(frozen=True)
class Problem:
    """A convolution that somebody applies thousands of times; shapes as torch has them."""

    name: str
    x: tuple[int, ...]
    w: tuple[int, ...]
    padding: int = 0
    stride: int | tuple[int, ...] = 1
    dilation: int = 1
    groups: int = 1
    dtype: str = "float32"
    gaussian: bool = False

    def per_axis(self, value: int | tuple[int, ...]) -> list[int]:
        """Return one value for each axis."""
        return np.broadcast_to(value, len(self.x) - 2).tolist()

    @property
    def plain(self) -> bool:
        """Whether C is one kernel on one channel, with as many samples as before."""
        same = self.stride == self.dilation == 1 and 2 * self.padding == self.w[-1] - 1
        return same and self.w[:2] == (1, 1)

    @property
    def output_padding(self) -> list[int]:
        """Samples at the end of each axis that no window reaches."""
        room = 2 * self.padding - self.dilation * (self.w[-1] - 1) - 1
        return ((np.array(self.x[2:]) + room) % self.stride).tolist()


IMAGE = (1, 1, 1024, 1024)
PHOTO = (1, 1, 1500, 2000)
PROBLEMS = (
    Problem("photo-psf3", PHOTO, (1, 1, 3, 3), 1),
    Problem("photo-psf5", PHOTO, (1, 1, 5, 5), 2),
    Problem("deblur-small-psf", IMAGE, (1, 1, 7, 7), 3),
    Problem("deblur-psf15", IMAGE, (1, 1, 15, 15), 7),
    Problem("deblur-psf63-f64", IMAGE, (1, 1, 63, 63), 31, dtype="float64"),
    Problem("deblur-gauss25", IMAGE, (1, 1, 25, 25), 12, gaussian=True),
    Problem("superres-x4-rgb", (1, 3, 1024, 1024), (3, 1, 8, 8), 2, 4, groups=3),
    Problem("bilinear-x2-rgb", (1, 3, 512, 512), (3, 1, 4, 4), 1, 2, groups=3),
    Problem("dilated-1ch", IMAGE, (1, 1, 5, 5), 8, dilation=4),
    Problem("unet-up-k2s2", (1, 64, 256, 256), (128, 64, 2, 2), 0, 2),
    Problem("dcgan-k4s2", (16, 256, 16, 16), (512, 256, 4, 4), 1, 2),
    Problem("fcn-64-k3", (1, 64, 256, 256), (64, 64, 3, 3), 1),
    Problem("depthwise-56", (8, 128, 56, 56), (128, 1, 3, 3), 1, groups=128),
    Problem("depthwise-s2", (8, 128, 56, 56), (128, 1, 3, 3), 1, 2, groups=128),
    Problem("depthwise-28", (8, 192, 28, 28), (192, 1, 3, 3), 1, groups=192),
    Problem("depthwise-7", (1, 960, 7, 7), (960, 1, 5, 5), 2, groups=960),
    Problem("volume-k5", (1, 1, 128, 128, 128), (1, 1, 5, 5, 5), 2),
    Problem("conv3d-512", (10, 512, 2, 14, 14), (512, 512, 3, 3, 3), 1, (1, 2, 2)),
    Problem("traces-1d", (256, 1, 4096), (1, 1, 61), 30),
)
NAMES = ",".join(one.name for one in PROBLEMS)


class Case(NamedTuple):
    """One direction of a problem, with its data."""

    w: Problem
    op: ca.ConvNDOp
    data: np.ndarray
    kernel: np.ndarray


def main() -> None:
    """Print machine, versions, yardsticks, the table and a summary."""
    parser = ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default=NAMES, metavar="NAME[,NAME]", help=NAMES)
    parser.add_argument("--rounds", type=int, default=9, help="timings of each call")
    parser.add_argument("--pause", type=float, default=0.05, help="seconds before each")
    parser.add_argument("--threads", type=int, default=num_threads())
    options = parser.parse_args()
    if unknown := {*options.only.split(",")} - {*NAMES.split(",")}:
        parser.error(f"no problem is named {', '.join(sorted(unknown))}: {NAMES}")
    ca.set_num_threads(options.threads)
    paces = copying(), multiplying()
    print(header(options, *paces))
    ratios = {}
    for w in (one for one in PROBLEMS if one.name in options.only.split(",")):
        for title, transposed in ((f"{w.name}, C", False), (f"{w.name}, C'", True)):
            print(f"running {title}", file=sys.stderr, flush=True)
            cells, ratios[title] = measured(drawn(w, transposed), options, *paces)
            print(f"| {title} | {' | '.join(cells)} |", flush=True)
    print(f"\n{summary(ratios)}")
    sys.exit(0.0 in ratios.values())


def header(options: Namespace, copied: float, peak: float) -> str:
    """Name everything that the numbers depend on, and begin the table."""
    listed = (f", {name} {one.__version__}" for name, one in modules().items())
    absent = ", ".join(name for name in CONTENDERS if name not in modules())
    missing = f"not installed, and left out: {absent}\n" if absent else ""
    return (
        f"{machine()}\n{versions()}{''.join(listed)}\n{options.threads} threads, "
        f"best of {options.rounds}, pause {options.pause:g} s, {datetime.now(UTC):%F}\n"
        f"copying {copied / 1e9:.1f} GB/s, float32 matrices {peak / 1e9:.0f} GFLOP/s\n"
        f"{missing}\n| {HEADS} | of memory floor | of peak |\n|{' --- |' * 3}{' ---: |' * 2} --- |{' ---: |' * 4}"
    )


@cache
def modules() -> dict[str, Any]:
    """Import what is installed of the peers, with our number of threads, and llvmlite."""
    found = {name: import_module(name) for name in CONTENDERS if find_spec(name)}
    for name, setter in (("torch", "set_num_threads"), ("cv2", "setNumThreads")):
        if name in found:
            getattr(found[name], setter)(num_threads())
    return found


def copying() -> float:
    """Bytes read and written per second when all threads copy."""
    source = np.ones((num_threads(), 2**24 // num_threads()), np.float32)
    target = np.empty_like(source)
    with ThreadPoolExecutor(num_threads()) as pool:
        times = repeat(lambda: [*pool.map(np.copyto, target, source)], number=1)
    return 2 * source.nbytes / min(times)


def multiplying(n: int = 2048) -> float:
    """Float32 operations per second in a product of matrices."""
    a: Any = np.random.default_rng(0).standard_normal((n, n), np.float32)
    factors = [a]
    if "torch" in modules():
        factors.append(modules()["torch"].from_numpy(a))
    times = [repeat(partial(one.__matmul__, one), number=1) for one in factors * 2]
    return 2 * n**3 / min(map(min, times))


def drawn(w: Problem, transposed: bool) -> Case:
    """Make the operator and draw the data of one direction of a problem."""
    rng = np.random.default_rng(0)
    kernel = rng.standard_normal(w.w, w.dtype)
    if w.gaussian:
        kernel[...] = ca.gaussian_kernel(w.w[2:], w.w[-1] / 5)
    words = {"stride": w.stride, "dilation": w.dilation, "groups": w.groups}
    op = getattr(ca, f"Conv{len(w.x) - 2}DOp")(w.x, kernel, padding=w.padding, **words)
    op = op.T if transposed else op
    return Case(w, op, rng.standard_normal(op.dims, w.dtype), kernel)


def measured(case: Case, options: Namespace, copied: float, peak: float) -> Row:
    """Check our product and time all; return cells and ratio, zero if we are wrong."""
    w, op, data, kernel = case
    result = op @ data
    calls = {"ours": lambda: op @ data} | peers(case)
    best = best_times(calls, options.rounds, options.pause)
    time = best.pop("ours")
    peer, least = min(best.items(), key=lambda one: one[1], default=("", math.inf))
    ratio = least / time if agrees(case, result) else 0.0
    moved, speed = data.nbytes + result.nbytes + kernel.nbytes, 2 * op.nnz / time
    share = speed / peak * data.itemsize / 4
    cells = (w.dtype, op.engine, f"{1e3 * time:.3g}", f"{1e3 * least:.3g}", peer)
    cells += (f"{ratio:.2f}" if ratio else "WRONG", f"{speed / 1e9:.3g}")
    return (*cells, f"{moved / copied / time:.0%}", f"{share:.0%}"), ratio


def best_times(calls: dict[str, Call], rounds: int, pause: float) -> dict[str, float]:
    """Let all contenders take turns; return the least seconds of each."""
    best = dict.fromkeys(calls, math.inf)
    for _ in range(rounds):
        limit = HOPELESS * min(best.values())
        for name in [name for name in calls if best[name] <= limit]:
            sleep(pause)
            with suppress(RuntimeError, ValueError, MemoryError):
                calls[name]()
                best[name] = min(best[name], *repeat(calls[name], number=1, repeat=1))
    return best


def peers(case: Case) -> dict[str, Call]:
    """Every peer that is installed and has such a function."""
    offers = {"torch": of_torch, "cv2": of_opencv, "jax": of_jax}
    offers["onnxruntime"] = of_onnxruntime
    found = of_scipy(case)
    for name in (name for name in offers if name in modules()):
        found |= offers[name](modules()[name], case)
    return found


def of_scipy(case: Case) -> dict[str, Call]:
    """The convolutions of SciPy that transform."""
    axes = tuple(range(2, case.data.ndim))
    kernel = case.kernel if case.op.transposed else np.flip(case.kernel, axes)

    def convolve(function: Callable[..., np.ndarray]) -> np.ndarray:
        with fft.set_workers(num_threads()):
            return function(case.data, kernel, "same", axes=axes)

    functions = (signal.fftconvolve, signal.oaconvolve) * case.w.plain
    return {f"scipy {one.__name__}": partial(convolve, one) for one in functions}


def of_torch(torch: Any, case: Case) -> dict[str, Call]:
    """The function of torch, in both orders of the axes."""
    w, rank, kind = case.w, case.data.ndim - 2, "conv"
    words = {"stride": w.stride, "padding": w.padding, "dilation": w.dilation}
    if case.op.transposed:
        kind, words["output_padding"] = "conv_transpose", w.output_padding
    function = partial(
        getattr(torch.nn.functional, f"{kind}{rank}d"), groups=w.groups, **words
    )
    data, kernel = torch.from_numpy(case.data), torch.from_numpy(case.kernel)
    found = {"torch": partial(function, data, kernel)}
    if rank > 1:
        last = torch.channels_last if rank == 2 else torch.channels_last_3d
        data = data.contiguous(memory_format=last)
        # Of one channel a kernel is in both orders at once, and torch takes either path.
        kernels = kernel.contiguous(memory_format=last), kernel.to(memory_format=last)
        for name, one in zip(("", ", kernel too"), kernels, strict=True):
            found[f"torch, channels last{name}"] = partial(function, data, one)
    return found


def of_opencv(cv2: Any, case: Case) -> dict[str, Call]:
    """The filters of OpenCV, which know images."""
    if not case.w.plain or case.data.ndim != 4:
        return {}
    data, kernel = case.data[0, 0], case.kernel[0, 0]
    kernel = np.flip(kernel).copy() if case.op.transposed else kernel
    zeros = {"borderType": cv2.BORDER_CONSTANT}
    found = {"cv2.filter2D": partial(cv2.filter2D, data, -1, kernel, **zeros)}
    if case.w.gaussian:  # of sum one, so that its marginal is its factor
        row = kernel.sum(axis=0)
        found["cv2.sepFilter2D"] = partial(cv2.sepFilter2D, data, -1, row, row, **zeros)
    return found


def of_onnxruntime(runtime: Any, case: Case) -> dict[str, Call]:
    """The operator of onnxruntime, which has it for float32."""
    if case.w.dtype != "float32" or "onnx" not in modules():
        return {}
    options = runtime.SessionOptions()
    options.intra_op_num_threads = num_threads()
    made = model(modules()["onnx"], case)
    session = runtime.InferenceSession(made, options, ["CPUExecutionProvider"])
    return {"onnxruntime": partial(session.run, None, {"data": case.data})}


def model(onnx: Any, case: Case) -> bytes:
    """An ONNX model of one operator, with the kernel inside."""
    (w, op, _, kernel), kind = case, "Conv"
    words = {"strides": w.per_axis(w.stride), "dilations": w.per_axis(w.dilation)}
    words |= {"pads": 2 * w.per_axis(w.padding), "group": w.groups}
    if op.transposed:
        kind, words["output_padding"] = "ConvTranspose", w.output_padding
    listed = ", ".join(f"{key} = {value}" for key, value in words.items())
    made = onnx.parser.parse_model(
        f'<ir_version: 9, opset_import: ["": 17]> '
        f"g (float{list(op.dims)} data) => (float{list(op.dimsd)} result) "
        f"{{ result = {kind} <{listed}> (data, kernel) }}"
    )
    made.graph.initializer.append(onnx.numpy_helper.from_array(kernel, "kernel"))
    return made.SerializeToString()


def of_jax(jax: Any, case: Case) -> dict[str, Call]:
    """The function of JAX, or its transpose, compiled."""
    w, op, data, kernel = case
    jax.config.update("jax_enable_x64", w.dtype == "float64")
    words = {"padding": [(w.padding, w.padding)] * (data.ndim - 2)}
    words |= {"window_strides": w.per_axis(w.stride), "feature_group_count": w.groups}
    words |= {"rhs_dilation": w.per_axis(w.dilation)}

    def forward(x: Any, weights: Any) -> Any:
        return jax.lax.conv_general_dilated(x, weights, **words)

    def backward(y: Any, weights: Any) -> Any:
        like = jax.ShapeDtypeStruct(w.x, w.dtype)
        return jax.linear_transpose(partial(forward, weights=weights), like)(y)[0]

    compiled = jax.jit(backward if op.transposed else forward)
    arrays = jax.numpy.asarray(data), jax.numpy.asarray(kernel)
    return {"jax": lambda: compiled(*arrays).block_until_ready()}


def agrees(case: Case, result: np.ndarray) -> bool:
    """Compare some samples of our result with the definition."""
    places = np.random.default_rng(1).integers(0, result.shape, (SAMPLES, result.ndim))
    errors = [abs(result[*one] - definition(case, one)) for one in places]
    size = np.abs(case.kernel).sum() / result.shape[1] * np.abs(case.data).max()
    return bool(np.max(errors) <= TOLERANCE * np.finfo(case.data.dtype).eps * size)


def definition(case: Case, place: np.ndarray) -> float:
    """Add up one sample of C x or C' y in float64, over all taps that meet one."""
    (w, op, data, kernel), (batch, channel, *spot) = case, place
    group, within = divmod(channel, w.w[1] if op.transposed else w.w[0] // w.groups)
    taps = np.indices(kernel.shape[2:]).reshape(len(spot), -1)
    shifts, strides = taps * w.dilation - w.padding, np.c_[w.per_axis(w.stride)]
    source, between = np.c_[spot] * strides + shifts, 0
    if op.transposed:
        source, between = np.divmod(np.c_[spot] - shifts, strides)
    stop = np.c_[list(data.shape[2:])]
    met = ((source >= 0) & (source < stop) & (between == 0)).all(axis=0)
    weights = np.split(kernel, w.groups)[group].swapaxes(0, op.transposed)[within]
    values = np.split(data[batch], w.groups)[group][:, *source[:, met]]
    return float((weights[:, *taps[:, met]] * values.astype(float)).sum())


def summary(ratios: dict[str, float]) -> str:
    """Say how the ratios are on the average, and the worst."""
    fair = {title: one for title, one in ratios.items() if 0 < one < math.inf}
    if not fair:
        return "no ratios"
    mean, worst = statistics.geometric_mean(fair.values()), min(fair, key=fair.get)
    return f"geometric mean {mean:.2f}, worst {fair[worst]:.2f} ({worst})"


if __name__ == "__main__":
    main()
