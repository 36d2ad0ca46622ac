"""MXNet's operators ``Convolution`` and ``Deconvolution``."""

from collections.abc import Sequence

import numpy.typing as npt

from convadjoint.errors import SemanticsError
from convadjoint.frameworks.arguments import agree, choice, flag, integers
from convadjoint.frameworks.door import Call, Line
from convadjoint.frameworks.semantics import Semantics, adapted
from convadjoint.geometry import Axis
from convadjoint.geometry.checks import is_sequence
from convadjoint.operators import SpecOp

__all__ = [
    "Convolution",
    "Deconvolution",
    "conv_semantics",
    "convolution",
    "deconv_semantics",
    "deconvolution",
    "listed",
]

Shape = int | Sequence[int]

_LAYOUTS = {
    "NCW": ("NC*", 1),
    "NCHW": ("NC*", 2),
    "NCDHW": ("NC*", 3),
    "NHWC": ("N*C", 2),
    "NDHWC": ("N*C", 3),
}


def conv_semantics(function: str, rank: int | None = None) -> Semantics:
    """What convolutions mean."""
    return Semantics(
        framework="mxnet",
        function=function,
        rank=rank,
        layouts=("NC*", "N*C"),
        padding="`pad` zeros on both sides.",
        length="floor((n + 2 * pad - K) / s) + 1",
        limits=(
            "one to three spatial axes",
            "the kernel must fit into the padded input",
            "channels last: kernel `(c_out, *k, c_in/groups)`",
        ),
    )


def deconv_semantics(function: str, rank: int | None = None) -> Semantics:
    """What transposed convolutions mean."""
    return Semantics(
        framework="mxnet",
        function=function,
        rank=rank,
        layouts=("NC*", "N*C"),
        kernel="IO*",
        transposed=True,
        padding="`pad` samples are cropped on both sides, then `adj` samples more are "
        "computed at the end; a `target_shape` overrides both and crops the odd sample "
        "at the beginning.",
        odd="beginning",
        length="(n - 1) * s + K - 2 * pad + adj, or target_shape",
        limits=(
            "one to three spatial axes, and no dilation with three",
            "adj must be below the stride",
            "target_shape at most (n - 1) * s + K, and not one less if s is 1",
            "MXNet's own kernels are wrong for a stride with a dilation",
            "channels last: kernel `(c_in, *k, c_out/groups)`",
        ),
    )


def convolution(
    semantics: Semantics,
    data_shape: Sequence[int],
    weight: npt.ArrayLike,
    kernel: Shape | None = None,
    stride: Shape = (),
    dilate: Shape = (),
    pad: Shape = (),
    num_group: int = 1,
    layout: str | None = None,
    *,
    num_filter: int | None = None,
    no_bias: bool = False,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> SpecOp:
    """The convolution ``{name}``.

    Parameters
    ----------
    data_shape : sequence of int, ``(batch, c_in, *n)``
        Shape of the input, in the order of `layout`.
    weight : array_like, shape ``(c_out, c_in/num_group, *k)``
        Kernel, correlated, in the order of `layout`.
    kernel : int or sequence of int, optional
        Checked against `weight`.
    stride, dilate, pad : int or sequence of int, optional
        One per axis; a single integer is one axis.
    num_group : int, optional
        Blocks of channels.
    layout : {"NCW", "NCHW", "NCDHW", "NHWC", "NDHWC"}, optional
        By default channels come first.
    num_filter : int, optional
        Checked against `weight`.
    no_bias : bool, optional
        Whether the function adds no bias; the operator never does.
    {computing}

    {results}

    Examples
    --------
    >>> import numpy as np
    >>> from convadjoint.frameworks import mxnet
    >>> mxnet.Convolution((1, 2, 5, 5), np.ones((3, 2, 3, 3)), stride=(2, 2)).dimsd
    (1, 3, 2, 2)
    """
    call = _opened(semantics, data_shape, weight, layout)
    _check_stated(call, kernel, num_filter, call.kernel_axis("O"), no_bias)
    lines = _lines(call, stride, dilate)
    pads = listed("pad", pad, call.rank, 0)
    axes = [line.convolved(lo, lo) for line, lo in zip(lines, pads, strict=True)]
    return call.operator(axes, groups=num_group, dtype=dtype, engine=engine)


def deconvolution(
    semantics: Semantics,
    data_shape: Sequence[int],
    weight: npt.ArrayLike,
    kernel: Shape | None = None,
    stride: Shape = (),
    dilate: Shape = (),
    pad: Shape = (),
    adj: Shape = (),
    target_shape: Shape = (),
    num_group: int = 1,
    layout: str | None = None,
    *,
    num_filter: int | None = None,
    no_bias: bool = True,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> SpecOp:
    """The transposed convolution ``{name}``.

    Parameters
    ----------
    data_shape : sequence of int, ``(batch, c_in, *n)``
        Shape of the input, in the order of `layout`.
    weight : array_like, shape ``(c_in, c_out/num_group, *k)``
        The kernel of the convolution whose transpose is meant, in the order of `layout`.
    kernel : int or sequence of int, optional
        Checked against `weight`.
    stride, dilate, pad : int or sequence of int, optional
        One per axis; a single integer is one axis.
    adj : int or sequence of int, optional
        Samples more at the end, below the stride.
    target_shape : int or sequence of int, optional
        Spatial shape of the output; `pad` and `adj` have no effect then.
    num_group : int, optional
        Blocks of channels.
    layout : {"NCW", "NCHW", "NCDHW", "NHWC", "NDHWC"}, optional
        By default channels come first.
    num_filter : int, optional
        Checked against `weight`.
    no_bias : bool, optional
        Whether the function adds no bias; the operator never does.
    {computing}

    {results}

    Examples
    --------
    >>> import numpy as np
    >>> from convadjoint.frameworks import mxnet
    >>> kernel = np.ones((2, 1, 3, 3))
    >>> mxnet.Deconvolution((1, 2, 3, 3), kernel, stride=(2, 2), adj=(1, 0)).dimsd
    (1, 1, 8, 7)
    """
    call = _opened(semantics, data_shape, weight, layout)
    written = call.kernel_axis("O") * num_group
    _check_stated(call, kernel, num_filter, written, no_bias)
    lines = _lines(call, stride, dilate)
    if call.rank == 3 and any(line.d > 1 for line in lines):
        msg = f"dilate {dilate!r} is not allowed with three spatial axes: only 1 is"
        raise SemanticsError(msg)
    targets = listed("target_shape", target_shape, call.rank, 0)
    if any(targets):
        axes = [
            _targeted(line, size) for line, size in zip(lines, targets, strict=True)
        ]
    else:
        axes = _adjusted(call, lines, pad, adj)
    return call.operator(axes, groups=num_group, dtype=dtype, engine=engine)


Convolution = adapted(convolution, conv_semantics("Convolution"))
Deconvolution = adapted(deconvolution, deconv_semantics("Deconvolution"))


def _opened(
    semantics: Semantics, dims: Sequence[int], kernel: npt.ArrayLike, layout: str | None
) -> Call:
    """The call; MXNet's layout speaks of input, output and kernel."""
    place, rank = "NC*", None
    if layout is not None:
        place, rank = _LAYOUTS[choice("layout", layout, _LAYOUTS)]
    weights = semantics.kernel or ""
    if place == "N*C":
        weights = f"{weights[0]}*{weights[1]}"
    call = Call.of(semantics, dims, kernel, layouts=(place,), kernel_layout=weights)
    if call.rank > 3:
        msg = f"{call.rank} spatial axes are too many: allowed are 1 to 3"
        raise SemanticsError(msg)
    if rank not in (None, call.rank):
        msg = f"layout {layout!r} has {rank} spatial axes, the kernel {call.rank}"
        raise SemanticsError(msg)
    return call


def _check_stated(
    call: Call, kernel: object, num_filter: object, written: int, no_bias: object
) -> None:
    """Refuse what contradicts the kernel."""
    if kernel is not None:
        agree("kernel", listed("kernel", kernel, call.rank, 0), call.taps)
    agree("num_filter", num_filter, written)
    flag("no_bias", no_bias)


def listed(
    word: str, value: object, rank: int, default: int, *, least: int = 0
) -> tuple[int, ...]:
    """One integer per axis; an empty shape is the default, an integer is one axis."""
    value = () if value is None else value
    entries = tuple(value) if is_sequence(value) else (value,)
    if not entries:
        return (default,) * rank
    return integers(word, entries, rank, least=least)


def _lines(call: Call, stride: object, dilate: object) -> tuple[Line, ...]:
    """The spatial axes."""
    return call.lines(
        listed("stride", stride, call.rank, 1, least=1),
        listed("dilate", dilate, call.rank, 1, least=1),
    )


def _targeted(line: Line, size: int) -> Axis:
    """The axis that writes `size` samples: the odd crop is at the beginning."""
    excess = line.full - size
    if excess < 0 or (excess % 2 and line.s == 1):
        msg = (
            f"target_shape {size} on spatial axis {line.index} is out of reach: at most "
            f"{line.full} with stride {line.s}, and an even number less if that is 1"
        )
        raise SemanticsError(msg)
    return line.transposed((excess + 1) // 2, size)


def _adjusted(
    call: Call, lines: tuple[Line, ...], pad: object, adj: object
) -> list[Axis]:
    """The axes with a symmetric crop and samples more at the end."""
    columns = zip(
        lines,
        listed("pad", pad, call.rank, 0),
        listed("adj", adj, call.rank, 0),
        strict=True,
    )
    axes = []
    for line, lo, extra in columns:
        if extra >= line.s:
            msg = (
                f"adj {extra} on spatial axis {line.index} must be smaller than the "
                f"stride: at most {line.s - 1}"
            )
            raise SemanticsError(msg)
        axes.append(line.transposed(lo, line.full - 2 * lo + extra))
    return axes
