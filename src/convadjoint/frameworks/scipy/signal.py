"""SciPy's convolutions in ``scipy.signal``, linear in their first array."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from convadjoint.errors import GeometryError, SemanticsError
from convadjoint.frameworks.arguments import choice, shape
from convadjoint.frameworks.door import Call
from convadjoint.frameworks.laying import axis_of, extended, laid
from convadjoint.frameworks.lines import Line
from convadjoint.frameworks.semantics import Semantics, adapted
from convadjoint.geometry.checks import is_sequence
from convadjoint.operators import SpecOp
from convadjoint.operators.samples import as_samples

__all__ = [
    "convolve",
    "convolve2d",
    "correlate",
    "correlate2d",
    "fftconvolve",
    "oaconvolve",
]

_MODES = ("full", "same", "valid")
_BOUNDARIES = {
    "fill": None,
    "pad": None,
    "wrap": "circular",
    "circular": "circular",
    "symm": "symmetric",
    "symmetric": "symmetric",
}


@dataclass(frozen=True, slots=True)
class _Part:
    """The part of the full result, ``n + k - 1`` samples, that a mode keeps.

    With `late` the middle of an even kernel is the later of its two middle taps.
    """

    mode: str
    late: bool = False

    def of(self, line: Line) -> tuple[int, int]:
        """Padding before the signal, and length of the part."""
        n, k = line.n, line.k
        if self.mode == "full":
            return k - 1, n + k - 1
        if self.mode == "same":
            middle = k // 2 if self.late else (k - 1) // 2
            return k - 1 - middle, n
        return k - min(n, k), max(n, k) - min(n, k) + 1


def _parts(
    call: Call, mode: object, *, late: bool = False, multiplied: bool = False
) -> list[tuple[Line, int, int]]:
    """The lines of a call, with padding and length; without padding one array is larger.

    With `multiplied`, arrays of one sample are smaller than any, and larger.
    """
    choice("mode", mode, _MODES)
    pairs = list(zip(call.sizes, call.taps, strict=True))
    if multiplied:
        pairs = [(n, k) for n, k in pairs if min(n, k) > 1]
    inside = all(k <= n for n, k in pairs) or all(n <= k for n, k in pairs)
    if mode == "valid" and not inside:
        msg = (
            f"mode 'valid' needs one array as large as the other on every axis: the "
            f"input has {call.sizes}, the kernel {call.taps}"
        )
        raise GeometryError(msg)
    ones = (1,) * call.rank
    part = _Part(str(mode), late)
    return [(line, *part.of(line)) for line in call.lines(ones, ones)]


def _convolve(
    semantics: Semantics,
    in1_shape: Sequence[int],
    in2: npt.ArrayLike,
    mode: str = "full",
    method: str = "auto",
    *,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> SpecOp:
    """The function ``{name}``, linear in its first array.

    Parameters
    ----------
    in1_shape : sequence of int, ``(*n)``
        Shape of the input.
    in2 : array_like, shape ``(*k)``
        Kernel; a correlation conjugates it.
    mode : {"full", "same", "valid"}, optional
        All samples, as many as the input in their middle, or those without padding.
    method : {"auto", "direct", "fft"}, optional
        Of no effect: `engine` says how to compute.
    {computing}

    {results}

    Examples
    --------
    >>> from convadjoint.frameworks import scipy
    >>> scipy.convolve((3,), [1.0, 2.0], "same") @ [1.0, 10.0, 100.0]
    array([  1.,  12., 120.])
    """
    choice("method", method, ("auto", "direct", "fft"))
    call = Call.of(semantics, shape(in1_shape, "in1"), _kernel(semantics, in2))
    axes = [line.sized(lo, length) for line, lo, length in _parts(call, mode)]
    return call.operator(axes, dtype=dtype, engine=engine)


def _convolve2d(
    semantics: Semantics,
    in1_shape: Sequence[int],
    in2: npt.ArrayLike,
    mode: str = "full",
    boundary: str = "fill",
    fillvalue: complex = 0,
    *,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> SpecOp:
    """The function ``{name}``, linear in its first array.

    Parameters
    ----------
    in1_shape : sequence of int, ``(h, w)``
        Shape of the input.
    in2 : array_like, shape ``(kh, kw)``
        Kernel; a correlation conjugates it.
    mode : {"full", "same", "valid"}, optional
        All samples, as many as the input in their middle, or those without padding.
    boundary : {"fill", "wrap", "symm"}, optional
        Zeros, the other end, or the mirrored input with its last samples repeated.
    fillvalue : number, optional
        Zero only: with any other the function is not linear.
    {computing}

    {results}

    Examples
    --------
    >>> import numpy as np
    >>> from convadjoint.frameworks import scipy
    >>> scipy.convolve2d((3, 3), np.ones((2, 2)), "same", "wrap") @ np.eye(3)
    array([[2., 1., 1.],
           [1., 2., 1.],
           [1., 1., 2.]])
    """
    choice("boundary", boundary, tuple(_BOUNDARIES))
    refuse_constant("fillvalue", fillvalue)
    call = Call.of(semantics, shape(in1_shape, "in1"), _kernel(semantics, in2))
    parts = _parts(call, mode, late=not semantics.flip)
    # Without padding no sample outside is ever read.
    outside = None if mode == "valid" else _BOUNDARIES[boundary]
    filled = [extended(line, lo, length, outside) for line, lo, length in parts]
    return call.operator(
        [axis for axis, _ in filled],
        borders=tuple(border for _, border in filled),
        dtype=dtype,
        engine=engine,
    )


def _fftconvolve(
    semantics: Semantics,
    in1_shape: Sequence[int],
    in2: npt.ArrayLike,
    mode: str = "full",
    axes: int | Sequence[int] | None = None,
    *,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> SpecOp:
    """The function ``{name}``, linear in its first array.

    Parameters
    ----------
    in1_shape : sequence of int
        Shape of the input.
    in2 : array_like
        Kernel, with as many axes.  Those that are not convolved have length 1, but for
        one of them: there each signal may have its own kernel.
    mode : {"full", "same", "valid"}, optional
        All samples, as many as the input in their middle, or those without padding.
    axes : int or sequence of int, optional
        Axes to convolve, by default all.
    {computing}

    {results}

    Examples
    --------
    >>> from convadjoint.frameworks import scipy
    >>> op = scipy.fftconvolve((2, 3), [[1.0, 1.0], [1.0, -1.0]], axes=1)
    >>> op @ [[1.0, 10.0, 100.0], [1.0, 10.0, 100.0]]
    array([[   1.,   11.,  110.,  100.],
           [   1.,    9.,   90., -100.]])
    """
    dims, kernel = shape(in1_shape, "in1"), as_samples(in2, "the kernel")
    if kernel.ndim != len(dims):
        msg = f"in1 {dims} and in2 {kernel.shape} must have the same number of axes"
        raise SemanticsError(msg)
    along = axes_of(axes, len(dims))
    choice("mode", mode, _MODES)
    if mode == "same":
        kernel = _one_of_many(dims, kernel, along)
    call, groups = laid(semantics, dims, kernel, along)
    parts = _parts(call, mode, multiplied=True)
    lines = [line.sized(lo, length) for line, lo, length in parts]
    return call.operator(lines, groups=groups, dtype=dtype, engine=engine)


def refuse_constant(word: str, value: object) -> None:
    """A border of any other constant than zero makes the function affine."""
    if not isinstance(value, int | float | complex | np.number) or value != 0:
        msg = f"{word} is {value!r}, allowed is 0: else the function is not linear"
        raise SemanticsError(msg)


def _kernel(semantics: Semantics, in2: npt.ArrayLike) -> npt.NDArray[np.generic]:
    """The second array; correlations conjugate it."""
    kernel = as_samples(in2, "the kernel")
    return kernel if semantics.flip else np.conj(kernel)


def axes_of(axes: object, ndim: int) -> list[int]:
    """The axes to convolve."""
    if axes is None:
        return list(range(ndim))
    named = tuple(axes) if is_sequence(axes) else (axes,)
    found = [axis_of(axis, ndim, "axes") for axis in named]
    if not found or len(set(found)) != len(found):
        msg = f"axes {axes!r} must name one or more different axes"
        raise SemanticsError(msg)
    return found


def _one_of_many(
    dims: tuple[int, ...], kernel: npt.NDArray[np.generic], axes: Sequence[int]
) -> npt.NDArray[np.generic]:
    """The kernels that a "same" result keeps: the middle one, where one signal has many."""
    for axis, (n, k) in enumerate(zip(dims, kernel.shape, strict=True)):
        if axis not in axes and n == 1 < k:
            kernel = kernel.take([(k - 1) // 2], axis)
    return kernel


_PARTS = "'full' has n + k - 1 samples, 'same' n in their middle, 'valid' no padding."
_LENGTH = "n + k - 1, n, or max(n, k) - min(n, k) + 1"
_LARGER = "'valid' with a larger kernel needs it to be larger on every axis"
_FIXED = "linear in the first array; the second one is fixed"


def _semantics(
    function: str, odd: str, *limits: str, rank: int | None = None
) -> Semantics:
    """What the functions mean."""
    return Semantics(
        framework="scipy",
        function=function,
        rank=rank,
        layouts=("*",),
        kernel="*",
        flip=not function.startswith("correlate"),
        padding=_PARTS,
        odd=odd,
        length=_LENGTH,
        limits=(_FIXED, _LARGER, *limits),
    )


_CONJUGATED = "the kernel is conjugated"
_LINEAR = "fillvalue must be 0"
_OTHER = "where the kernel is larger, SciPy conjugates the signal instead"

convolve = adapted(_convolve, _semantics("convolve", "beginning"))
correlate = adapted(_convolve, _semantics("correlate", "end", _CONJUGATED))
convolve2d = adapted(
    _convolve2d, _semantics("convolve2d", "beginning", _LINEAR, rank=2)
)
correlate2d = adapted(
    _convolve2d,
    _semantics(
        "correlate2d",
        "beginning",
        _CONJUGATED,
        _OTHER,
        _LINEAR,
        "'same' with an even kernel lies one sample beside that of correlate",
        rank=2,
    ),
)
fftconvolve, oaconvolve = (
    adapted(
        _fftconvolve,
        _semantics(
            name, "beginning", "kernels vary along one axis besides those of `axes`"
        ),
    )
    for name in ("fftconvolve", "oaconvolve")
)
