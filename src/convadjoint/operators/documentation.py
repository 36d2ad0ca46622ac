"""The sections that the docstrings of all operators share, written once."""

import inspect
from collections.abc import Callable
from typing import TypeVar

__all__ = ["documented"]

Documented = TypeVar("Documented", bound=Callable[..., object])

_FORWARD = r"""Computes :math:`y_{o,p} = \sum_{c,j} w_{o,c,j}\, x_{c,ps+jd-l}` with stride `s`, dilation
`d` and :math:`l` samples of padding before: correlation, the convention of the
frameworks [1]_.  ``flip=True`` makes it the mathematical convolution.
"""

_TRANSPOSED = r"""Computes :math:`x_{c,m} = \sum_{o,p,j} w_{o,c,j}\, y_{o,p}` over all :math:`p, j` with
:math:`ps + jd - l = m`, where `w` is the kernel of the *convolution* [1]_.  It restores
the shape of the convolution's input, not its values; it does not conjugate the kernel.
The weights of a transposed convolution in PyTorch are that kernel as they stand; there
is no bias.
"""

_NOTES = r"""Notes
-----
The boundary is part of C: a padding mode other than zeros is C = Z E, the convolution Z
of the extended signal E x, and its transpose folds the border back, E\ :sup:`T` Z\ :sup:`T`.

References
----------
.. [1] Dumoulin and Visin, "A guide to convolution arithmetic for deep learning",
       arXiv:1603.07285, chapters 2 and 4.
"""

_STRIDE = """\
stride : int or tuple of int, optional
    At least 1; one for all convolved axes, or one per axis.
padding : int, tuple or str, optional
    Samples added on both sides of each axis: an int, one int per axis, or one
    ``(lo, hi)`` pair per axis; negative ones crop.  By name: ``"valid"`` (none),
    ``"same"`` (``ceil(n / stride)`` outputs, an odd sample at the end),
    ``"same_lower"`` (an odd sample at the beginning), ``"full"``.
"""

_GEOMETRY = """\
dilation : int or tuple of int, optional
    Distance of neighbouring taps, at least 1.
groups : int, optional
    Blocks of channels that do not see each other.
padding_mode : str or tuple of str, optional
    What stands in the border, one mode or one per axis: ``"zeros"``, ``"reflect"``
    (ndimage's "mirror"), ``"symmetric"`` (ndimage's "reflect"), ``"replicate"``
    (NumPy's "edge", ndimage's "nearest") or ``"circular"`` (their "wrap").
axes : int or tuple of int, optional
    Axes of `dims` to convolve, in the order of the kernel's; by default the last
    ones, `channel_axis` left out.
channel_axis : int, optional
    Axis of the channels{default}.  With a kernel that mixes no channels it is an axis
    that is not convolved: an image of shape ``(H, W, 3)`` needs ``channel_axis=-1``.
center : int or tuple of int, optional
    Index in the kernel, as given, of the tap that lands on sample ``p * stride``; only
    with ``padding="same"``.  By default the padding is split evenly; with a stride, that
    tap then depends on the length of the axis.  PyLops' `offset` is this, with
    ``flip=True``.
flip : bool, optional
    Reverse the kernel in space first.
"""

_COMPUTING = """\
dtype : dtype, optional
    float32, float64, complex64 or complex128; by default that of the kernel, where
    float16 becomes float32 and integers float64.  Results have the common dtype of
    operator and data.
engine : str, optional
    How products are computed: "direct" or "winograd" (they need llvmlite), "gemm", "fft",
    "separable", "taps" or "sparse"; "auto" estimates and "measure" tries which is
    fastest.
    `explain` shows the choice.
precision : {"native", "double"}, optional
    "double" computes in double precision and rounds once, at the end.
name : str, optional
    Name of the operator, for `pylops.utils.describe`.
"""

_KERNEL = """\
kernel : array_like, shape ``(*k)`` or ``(c_out, c_in/groups, *k)``
    Kernel of the convolution, copied.  The first form mixes no channels: axes that
    are not convolved are a batch.{channels}
"""

_ANY_RANK = """  The second form needs `channel_axis`."""
_BESIDE = ", by default just before the convolved ones"

_OUTPUT = """\
output_padding : int or tuple of int, optional
    Samples more at the end of each axis, 0 to ``stride - 1``; not together with a
    padding by name or with `output_size`.
output_size : int or tuple of int, optional
    Spatial shape of the output.  `legal_output_sizes` lists the lengths that are
    possible; by default the least, and ``n * stride`` for the two kinds of "same".
"""

_DIMS = """\
dims : int or tuple of int
    Shape of the input of {which}.  A batch axis may have length 0.
"""

_DATA = """\
{data} : array_like
    Input of {which}, copied; a batch axis may have length 0.
kernel_shape : int or tuple of int
    Shape of the kernels of the convolution, ``(*k)`` or ``(c_out, c_in/groups, *k)``.
    The first form mixes no channels: axes that are not convolved are a batch, over
    which the adjoint sums.  The second form needs `channel_axis`.
"""

_DATA_COMPUTING = """\
dtype : dtype, optional
    float32, float64, complex64 or complex128; by default that of `{data}`, where
    float16 becomes float32 and integers float64.  Results have the common dtype of
    operator and data.
engine : str, optional
    How products are computed: "direct" (needs llvmlite), "gemm", "fft" or "taps"; "auto"
    estimates which is fastest.
name : str, optional
    Name of the operator, for `pylops.utils.describe`.
"""

_RAISES = """\
GeometryError
    If sizes, strides, paddings or axes describe no convolution.
EngineRefusal
    If an engine asked for by name cannot do the problem exactly.
TypeError
    If an argument is of the wrong kind, or the kernel holds no numbers.
ValueError
    If `precision` is none of its words.
"""

_MATRIX_RAISES = """\
TypeError
    If an argument is of the wrong kind, or the kernel holds no numbers.
"""


def documented(
    *, transposed: bool, rank: int | None, matrix: bool = False, data: str = ""
) -> Callable[[Documented], Documented]:
    """Fill the shared sections into the docstring of an operator.

    `data` is the name of the data of an operator on the kernel.
    """
    which = "the transposed convolution" if transposed else "the convolution"
    first = [
        _DIMS.format(which=which),
        _KERNEL.format(channels=_ANY_RANK if rank is None else ""),
    ]
    computing = _matrix_dtype() if matrix else _COMPUTING
    raises = (
        _RAISES.partition("EngineRefusal")[0] + _MATRIX_RAISES if matrix else _RAISES
    )
    if data:
        first = [_DATA.format(data=data, which=which)]
        computing = _DATA_COMPUTING.format(data=data)
        raises = _RAISES.partition("ValueError")[0].replace("the kernel", f"`{data}`")
    parts = [
        *first,
        _STRIDE,
        _OUTPUT if transposed else "",
        _GEOMETRY.replace("{default}", "" if rank is None else _BESIDE),
        computing,
    ]
    sections = {
        "{description}": _TRANSPOSED if transposed else _FORWARD,
        "{parameters}": "".join(parts),
        "{raises}": raises,
        "{notes}": _NOTES,
    }

    def fill(target: Documented) -> Documented:
        text = inspect.cleandoc(target.__doc__ or "")
        for marker, section in sections.items():
            text = text.replace(marker, section.rstrip())
        target.__doc__ = text + "\n"
        return target

    return fill


def _matrix_dtype() -> str:
    """The dtype alone: a matrix is not computed by an engine."""
    return _COMPUTING[: _COMPUTING.index("  Results have")].rstrip() + "\n"
