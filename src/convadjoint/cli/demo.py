"""The computation of the demo: blur a photograph, then ask for it back.

The data are ``y = C x + noise``: `C` blurs like a hand that moved during the exposure
and keeps every second pixel.  What the frameworks call deconvolution is ``C^T y``; what
the word promises is a solution of ``C x = y``.  Both are computed here and measured
against the photograph, in numbers from 0 to 1 that nothing clips.
"""

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import numpy.typing as npt
import pylops
import scipy.sparse
from PIL import Image
from pylops.optimization.basic import cgls

import convadjoint as ca

Values = npt.NDArray[np.float64]

STRIDE = 2
NOISE = 1 / 255
"""Standard deviation of the noise: one grey level of an 8-bit picture."""

DAMPING = 0.05
"""Weight of the smoothness term, chosen once for the shipped photograph and `NOISE`."""

LAPLACIAN = ((0.0, 1.0, 0.0), (1.0, -4.0, 1.0), (0.0, 1.0, 0.0))
ITERATIONS = 40
SEED = 0
ROUNDS = 9
"""How often each way of computing ``C x`` is timed, in turn."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """What is known (`op`, `data`) and what is asked for (`photo`)."""

    photo: Values
    op: ca.Conv2DOp
    data: Values
    noise_share: float


@dataclass(frozen=True, kw_only=True, eq=False)
class MatrixFacts:
    """`C` as a sparse array, and ``C x`` with it and without it."""

    matrix: scipy.sparse.csr_array
    assembly_seconds: float
    largest_gap: float
    matrix_seconds: float
    operator_seconds: float

    @property
    def nbytes(self) -> int:
        """Bytes of the three arrays that hold the matrix."""
        return sum(
            part.nbytes
            for part in (self.matrix.data, self.matrix.indices, self.matrix.indptr)
        )

    @property
    def density(self) -> float:
        """Share of the entries that are not zero."""
        rows, columns = self.matrix.shape
        return self.matrix.nnz / (rows * columns)


@dataclass(frozen=True, kw_only=True)
class AdjointTest:
    """Both sides of <Cx, y> = <x, C^H y>; `gap` in units of their rounding error."""

    left: float
    right: float
    gap: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Restoration:
    """An attempt at the photograph: how far it is off, and how well it explains y."""

    name: str
    image: Values
    scale: float
    error: float
    psnr: float
    misfit: float


def camera_shake(*, shape: tuple[int, int] = (8, 16), pen: float = 0.7) -> Values:
    """Return the trail of a point of light under a moving hand; it sums to 1."""
    t = np.linspace(-1, 1, 201)
    trail_row = 3.2 * (t**2 - 1 / 3) + 0.9 * t
    trail_column = 6.2 * t
    rows, columns = (
        index - (size - 1) / 2
        for index, size in zip(np.indices(shape), shape, strict=True)
    )
    squared = np.square(rows[..., None] - trail_row)
    squared += np.square(columns[..., None] - trail_column)
    light = np.exp(-squared / (2 * pen**2)).sum(axis=-1)
    light[light < 0.05 * light.max()] = 0
    return light / light.sum()


def simulate(photo: Values) -> Scene:
    """Blur and downsample `photo` of shape ``(H, W, c)``, then add noise."""
    op = ca.Conv2DOp(
        dims=photo.shape,
        kernel=camera_shake(),
        stride=STRIDE,
        padding="same",
        padding_mode="symmetric",
        channel_axis=-1,
    )
    clean = op @ photo
    noise = NOISE * np.random.default_rng(SEED).standard_normal(clean.shape)
    data = clean + noise
    share = float(np.linalg.norm(noise) / np.linalg.norm(data))
    return Scene(photo=photo, op=op, data=data, noise_share=share)


def measure_matrix(scene: Scene) -> MatrixFacts:
    """Assemble `C` and compute ``C x`` with it and with the operator, in turn."""
    start = perf_counter()
    matrix = scene.op.tosparse()
    assembly = perf_counter() - start
    x = scene.photo.ravel()
    with_matrix, with_operator = interleaved(lambda: matrix @ x, lambda: scene.op @ x)
    return MatrixFacts(
        matrix=matrix,
        assembly_seconds=assembly,
        largest_gap=float(np.abs(matrix @ x - scene.op @ x).max()),
        matrix_seconds=with_matrix,
        operator_seconds=with_operator,
    )


def interleaved(*calls: Callable[[], object]) -> list[float]:
    """Time `calls` in turn, `ROUNDS` times each after a warm-up; return the medians."""
    times: list[list[float]] = [[] for _ in calls]
    for call in calls:
        call()
    for _ in range(ROUNDS):
        for call, past in zip(calls, times, strict=True):
            start = perf_counter()
            call()
            past.append(perf_counter() - start)
    return [statistics.median(past) for past in times]


def check_adjoint(op: ca.Conv2DOp) -> AdjointTest:
    """Compare both inner products on random vectors."""
    rng = np.random.default_rng(SEED)
    x, y = rng.standard_normal(op.shape[1]), rng.standard_normal(op.shape[0])
    left, right = float(np.vdot(op @ x, y)), float(np.vdot(x, op.H @ y))
    scale = np.abs(op.kernel).sum() * np.linalg.norm(x) * np.linalg.norm(y)
    gap = float(abs(left - right) / (np.finfo(float).eps * scale))
    return AdjointTest(left=left, right=right, gap=gap)


def restore(scene: Scene, *, on_iteration: Callable[[], None]) -> list[Restoration]:
    """Return the four rows of the table, from no attempt at all to an inversion."""
    transposed = scene.op.T @ scene.data
    fit = float(np.vdot(transposed, scene.photo) / np.vdot(transposed, transposed))
    attempts = (
        ("data, upsampled (bicubic)", upsample(scene.data, scene.photo.shape), 1.0),
        ("C^T y", transposed, 1.0),
        ("C^T y, brightness fitted", transposed, fit),
        ("least squares", least_squares(scene, on_iteration=on_iteration), 1.0),
    )
    return [judge(scene, *attempt) for attempt in attempts]


def upsample(data: Values, shape: tuple[int, ...]) -> Values:
    """Enlarge ``(h, w, c)`` by the stride and crop to `shape`, one colour at a time."""
    height, width, colours = data.shape
    size = (width * STRIDE, height * STRIDE)
    layers = [
        Image.fromarray(data[..., colour].astype(np.float32)).resize(
            size, Image.Resampling.BICUBIC
        )
        for colour in range(colours)
    ]
    large = np.stack([np.asarray(layer, np.float64) for layer in layers], axis=-1)
    return large[: shape[0], : shape[1]]


def least_squares(scene: Scene, *, on_iteration: Callable[[], None]) -> Values:
    """Minimise ``|C x - y|^2 + |DAMPING L x|^2``, L the Laplacian of each colour."""
    shape = scene.photo.shape
    smooth = ca.Conv2DOp(
        dims=shape,
        kernel=LAPLACIAN,
        padding="same",
        padding_mode="symmetric",
        channel_axis=-1,
    )
    system = pylops.VStack([scene.op, DAMPING * smooth])
    right_side = np.concatenate([scene.data.ravel(), np.zeros(smooth.shape[0])])
    solution = cgls(
        system,
        right_side,
        niter=ITERATIONS,
        tol=0,
        callback=lambda _: on_iteration(),
    )[0]
    return solution.reshape(shape)


def judge(scene: Scene, name: str, guess: Values, scale: float) -> Restoration:
    """Measure ``scale * guess`` against the photograph and against the data."""
    image = scale * guess
    off = image - scene.photo
    unexplained = scene.op @ image - scene.data
    return Restoration(
        name=name,
        image=image,
        scale=scale,
        error=float(np.linalg.norm(off) / np.linalg.norm(scene.photo)),
        psnr=float(-10 * np.log10(np.mean(off**2))),
        misfit=float(np.linalg.norm(unexplained) / np.linalg.norm(scene.data)),
    )
