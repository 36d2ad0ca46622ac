"""The definition, in loops: a dense matrix to compare everything else with.

Nothing here is imported from the library.  Paddings, boundaries and layouts are
translated a second time, from the sentences of the documentation; entries are added
one by one, in extended precision, or exactly where the kernel holds integers.
"""

from itertools import product
from math import prod
from typing import NamedTuple

import numpy as np

SAME = ("same", "same_lower")


class Dense(NamedTuple):
    """The matrix of one operator, and the shapes of what it reads and writes.

    `sizes` is the same sum with ``|w|`` for ``w``: where taps meet on a sample and
    cancel, rounding errors still have the size of the taps.
    """

    matrix: np.ndarray
    sizes: np.ndarray
    dims: tuple
    dimsd: tuple

    @property
    def T(self):
        """The transpose: nothing is conjugated."""
        return Dense(self.matrix.T, self.sizes.T, self.dimsd, self.dims)

    @property
    def H(self):
        """The adjoint."""
        return self.T.conj()

    def conj(self):
        """The conjugate; shapes stay."""
        return self._replace(matrix=self.matrix.conj())

    def times(self, factor):
        """Every entry times a number."""
        return self._replace(
            matrix=self.matrix * factor, sizes=self.sizes * abs(factor)
        )

    def __matmul__(self, x):
        """Apply to an array of shape `dims`, in the precision of the matrix."""
        return (self.matrix @ np.asarray(x).reshape(-1)).reshape(self.dimsd)

    def scale(self, x):
        """Return ``|w| * |x|`` at every sample, the scale of its rounding errors."""
        return (self.sizes @ abs(np.asarray(x)).reshape(-1)).reshape(self.dimsd)


def bounce(mode, i, n):
    """Sample found at position `i` by walking back into the signal; None for zero."""
    while mode in ("reflect", "symmetric") and n > 1 and not 0 <= i < n:
        below, above = (0, 2 * n - 2) if mode == "reflect" else (-1, 2 * n - 1)
        i = below - i if i < 0 else above - i
    while mode == "circular" and not 0 <= i < n:
        i += n if i < 0 else -n
    if mode == "zeros":
        return i if 0 <= i < n else None
    return min(max(i, 0), n - 1)


def precise(kernel):
    """Cast to int64 if integer, else to the widest floating point there is."""
    kernel = np.asarray(kernel)
    wide = {"f": np.longdouble, "c": np.clongdouble}
    return kernel.astype(wide.get(kernel.dtype.kind, np.int64))


def spread(value, rank):
    """One value per axis."""
    one = value is None or isinstance(value, int | str)
    return (value,) * rank if one else tuple(value)


def ends(padding, span):
    """Zeros before and after an axis for every padding that does not depend on n."""
    named = {"valid": (0, 0), "full": (span - 1, span - 1)}
    if isinstance(padding, str):
        return named[padding]
    return (padding, padding) if isinstance(padding, int) else tuple(padding)


def windows(n, k, *, stride, dilation, padding, center=None, flip=False):
    """Zeros before one axis, and the number of windows that fit."""
    span = (k - 1) * dilation + 1
    if padding not in SAME:
        lo, hi = ends(padding, span)
        return lo, (n + lo + hi - span) // stride + 1
    q = -(-n // stride)
    total = max((q - 1) * stride + span - n, 0)
    lo = total // 2 if padding == "same" else total - total // 2
    if center is not None:
        lo = (k - 1 - center if flip else center) * dilation
    return lo, q


def restored(q, k, *, stride, dilation, padding, output_padding):
    """Length of a transposed convolution whose output size is not given.

    A padding by name stands for the least length there is.
    """
    span = (k - 1) * dilation + 1
    if padding in SAME:
        return q * stride
    least = (q - 1) * stride + span - sum(ends(padding, span))
    if padding == "full" and least < 1 < least + stride:
        return 1
    return least + output_padding


def joined(axis, extend, fold):
    """All (output, tap, input) triples of seven integers, from the one equation."""
    found = []
    for p, j, m in product(range(axis.q), range(axis.k), range(axis.n)):
        if p * axis.s + j * axis.d - axis.lo == m * axis.t:
            source = bounce(extend.mode, m - extend.lo, extend.n) if extend else m
            target = bounce(fold.mode, p - fold.lo, fold.n) if fold else p
            found.append((target, j, source))
    return found


def line(n, k, *, mode, **rule):
    """Output length and (output, tap, input) triples of one convolved axis."""
    lo, q = windows(n, k, **rule)
    found = []
    for p, j in product(range(q), range(k)):
        source = bounce(mode, p * rule["stride"] + j * rule["dilation"] - lo, n)
        found += [] if source is None else [(p, j, source)]
    return q, found


def fill(shapes, numbers, kernel, groups, lines):
    """Add every tap; `numbers` count outputs and inputs by (batch, channel, *space)."""
    rows, columns = numbers
    matrix = np.zeros((rows.size, columns.size), kernel.dtype)
    sizes = np.zeros(matrix.shape, abs(kernel).dtype)
    c_out, narrow = kernel.shape[:2]
    for b, o, c in product(range(rows.shape[0]), range(c_out), range(narrow)):
        source = o // (c_out // groups) * narrow + c
        for triples in product(*lines):
            p, j, m = zip(*triples, strict=True)
            entry = rows[(b, o, *p)], columns[(b, source, *m)]
            matrix[entry] += kernel[(o, c, *j)]
            sizes[entry] += abs(kernel[(o, c, *j)])
    return Dense(matrix, sizes, *shapes)


def places(ndim, rank, axes, channel_axis, *, mixes):
    """Positions of the convolved axes, and of the channels if the kernel mixes them."""
    channel = None if channel_axis is None else channel_axis % ndim
    rest = [axis for axis in range(ndim) if axis != channel]
    axes = rest[-rank:] if axes is None else spread(axes, rank)
    axes = tuple(axis % ndim for axis in axes)
    if not mixes:
        return axes, None
    return axes, min(axes) - 1 if channel is None else channel


def numbered(shape, axes, channel):
    """Number the samples of `shape`, seen as (batch, channel, *space)."""
    index = np.arange(prod(shape)).reshape(shape)
    kept = [*([] if channel is None else [channel]), *axes]
    ends_at = range(-len(kept), 0)
    index = np.moveaxis(index, kept, ends_at)
    batch = prod(index.shape[: index.ndim - len(kept)])
    channels = 1 if channel is None else shape[channel]
    return index.reshape(batch, channels, *(shape[axis] for axis in axes))


def resized(dims, axes, sizes, channel, channels):
    """`dims` with other spatial sizes, and another number of channels if mixed."""
    dims = list(dims)
    for axis, size in zip(axes, sizes, strict=True):
        dims[axis] = size
    if channel is not None:
        dims[channel] = channels
    return tuple(dims)


def conv_dense(
    dims,
    kernel,
    *,
    rank,
    stride=1,
    padding=0,
    dilation=1,
    groups=1,
    padding_mode="zeros",
    axes=None,
    channel_axis=None,
    center=None,
    flip=False,
):
    """Convolution of `rank` axes, from the arguments that a user types."""
    kernel = precise(kernel)
    mixes = kernel.ndim == rank + 2
    axes, channel = places(len(dims), rank, axes, channel_axis, mixes=mixes)
    if flip:
        kernel = np.flip(kernel, tuple(range(-rank, 0)))
    columns = {
        "stride": spread(stride, rank),
        "dilation": spread(dilation, rank),
        "padding": spread(padding, rank),
        "mode": spread(padding_mode, rank),
        "center": spread(center, rank),
    }
    sizes, lines = [], []
    for a, axis in enumerate(axes):
        rule = {name: column[a] for name, column in columns.items()}
        q, triples = line(dims[axis], kernel.shape[a - rank], flip=flip, **rule)
        sizes.append(q)
        lines.append(triples)
    dimsd = resized(dims, axes, sizes, channel, kernel.shape[0])
    return fill(
        (tuple(dims), dimsd),
        [numbered(shape, axes, channel) for shape in (dimsd, dims)],
        kernel if mixes else kernel[None, None],
        groups,
        lines,
    )


def conv_transpose_dense(
    dims, kernel, *, rank, output_padding=0, output_size=None, **options
):
    """Transposed convolution: the matrix of the convolution it undoes, transposed."""
    kernel = np.asarray(kernel)
    mixes = kernel.ndim == rank + 2
    where = options.get("axes"), options.get("channel_axis")
    axes, channel = places(len(dims), rank, *where, mixes=mixes)
    extra, wanted = spread(output_padding, rank), spread(output_size, rank)
    sizes = []
    for a, axis in enumerate(axes):
        default = restored(
            dims[axis],
            kernel.shape[a - rank],
            stride=spread(options.get("stride", 1), rank)[a],
            dilation=spread(options.get("dilation", 1), rank)[a],
            padding=spread(options.get("padding", 0), rank)[a],
            output_padding=extra[a],
        )
        sizes.append(default if wanted[a] is None else wanted[a])
    channels = kernel.shape[1] * options.get("groups", 1) if mixes else None
    before = resized(dims, axes, sizes, channel, channels)
    return conv_dense(before, kernel, rank=rank, **options).T


def spec_dense(spec, kernel):
    """A bare geometry, read as the integers it holds."""
    columns = list(zip(spec.axes, spec.extend, spec.fold, strict=True))
    dims = [extend.n if extend else axis.n for axis, extend, _ in columns]
    dimsd = [fold.n if fold else axis.q for axis, _, fold in columns]
    dims, dimsd = (spec.batch, spec.c_in, *dims), (spec.batch, spec.c_out, *dimsd)
    return fill(
        (dims, dimsd),
        [numbered(shape, range(2, len(shape)), 1) for shape in (dimsd, dims)],
        precise(kernel),
        spec.groups,
        [joined(*column) for column in columns],
    )
