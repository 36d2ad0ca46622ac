"""ONNX's operators ``Conv`` and ``ConvTranspose``."""

from collections.abc import Sequence

import numpy.typing as npt

from convadjoint.errors import SemanticsError
from convadjoint.frameworks.arguments import agree, choice, integers
from convadjoint.frameworks.door import Call, Line
from convadjoint.frameworks.semantics import Semantics, adapted
from convadjoint.geometry import Axis
from convadjoint.geometry.checks import is_sequence
from convadjoint.operators import SpecOp

__all__ = ["Conv", "ConvTranspose", "auto", "begins_and_ends"]

Ints = Sequence[int]

_AUTO_PADS = ("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID")

_CONV = Semantics(
    framework="onnx",
    function="Conv",
    padding="`pads` lists all beginnings, then all ends; SAME_UPPER and SAME_LOWER give "
    "ceil(n / s) outputs.",
    odd="both",
    length="floor((n + begin + end - K) / s) + 1; ceil(n / s) for SAME",
    limits=(
        "pads only with auto_pad NOTSET, and none of them negative",
        "the kernel must fit into the padded input",
    ),
)

_CONV_TRANSPOSE = Semantics(
    framework="onnx",
    function="ConvTranspose",
    kernel="IO*",
    transposed=True,
    padding="`pads` are cropped.  SAME, or an `output_shape`, crops what is too much: "
    "the odd sample at the end for SAME_UPPER, else at the beginning.  What lacks is "
    "added at the end, with SAME by the same division.",
    odd="both",
    length="(n - 1) * s + K + output_padding - begin - end; n * s for SAME",
    limits=(
        "output_padding must be below the stride",
        "output_shape at most (n - 1) * s + K + s - 1",
        "pads only with auto_pad NOTSET; an output_shape overrides them",
        "onnxruntime is shorter where SAME lacks samples, against the text",
    ),
)


def _conv(
    semantics: Semantics,
    X_shape: Ints,
    W: npt.ArrayLike,
    auto_pad: str = "NOTSET",
    dilations: Ints | None = None,
    group: int = 1,
    kernel_shape: Ints | None = None,
    pads: Ints | None = None,
    strides: Ints | None = None,
    *,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> SpecOp:
    """The convolution ``{name}``.

    Parameters
    ----------
    X_shape : sequence of int, ``(batch, c_in, *n)``
        Shape of the input.
    W : array_like, shape ``(c_out, c_in/group, *k)``
        Kernel, correlated.
    auto_pad : {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"}, optional
        Rule for the padding.
    dilations : sequence of int, optional
        Distance of neighbouring taps, by default 1.
    group : int, optional
        Blocks of channels.
    kernel_shape : sequence of int, optional
        Checked against `W`.
    pads : sequence of int, optional
        Zeros before each axis, then zeros after each axis.
    strides : sequence of int, optional
        At least 1, one per axis; by default 1.
    {computing}

    {results}

    Examples
    --------
    >>> import numpy as np
    >>> from convadjoint.frameworks import onnx
    >>> onnx.Conv((1, 2, 5, 5), np.ones((3, 2, 3, 3)), pads=[1, 1, 0, 0]).dimsd
    (1, 3, 4, 4)
    """
    call, lines = _opened(semantics, X_shape, W, (kernel_shape, strides, dilations))
    amounts = begins_and_ends(call.rank, auto(auto_pad, pads), pads)
    if auto_pad in ("SAME_UPPER", "SAME_LOWER"):
        axes = [line.same(lower=auto_pad == "SAME_LOWER") for line in lines]
    else:
        axes = [line.convolved(*pad) for line, pad in zip(lines, amounts, strict=True)]
    return call.operator(axes, groups=group, dtype=dtype, engine=engine)


def _conv_transpose(
    semantics: Semantics,
    X_shape: Ints,
    W: npt.ArrayLike,
    auto_pad: str = "NOTSET",
    dilations: Ints | None = None,
    group: int = 1,
    kernel_shape: Ints | None = None,
    output_padding: Ints | None = None,
    output_shape: Ints | None = None,
    pads: Ints | None = None,
    strides: Ints | None = None,
    *,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> SpecOp:
    """The transposed convolution ``{name}``.

    Parameters
    ----------
    X_shape : sequence of int, ``(batch, c_in, *n)``
        Shape of the input.
    W : array_like, shape ``(c_in, c_out/group, *k)``
        The kernel of the convolution whose transpose is meant.
    auto_pad : {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"}, optional
        Rule for the crop.
    dilations : sequence of int, optional
        Distance of neighbouring taps, by default 1.
    group : int, optional
        Blocks of channels.
    kernel_shape : sequence of int, optional
        Checked against `W`.
    output_padding : sequence of int, optional
        Samples more at the end, below the stride.
    output_shape : sequence of int, optional
        Spatial shape of the output; `pads` have no effect then.
    pads : sequence of int, optional
        Samples cropped before each axis, then after each axis.
    strides : sequence of int, optional
        At least 1, one per axis; by default 1.
    {computing}

    {results}

    Examples
    --------
    >>> import numpy as np
    >>> from convadjoint.frameworks import onnx
    >>> kernel = np.ones((2, 1, 3, 3))
    >>> onnx.ConvTranspose((1, 2, 3, 3), kernel, strides=[2, 2], pads=[0, 0, 1, 1]).dimsd
    (1, 1, 6, 6)
    """
    call, lines = _opened(semantics, X_shape, W, (kernel_shape, strides, dilations))
    amounts = begins_and_ends(call.rank, auto(auto_pad, pads), pads)
    extras = _extras(call, lines, output_padding)
    if output_shape is not None:
        wanted = call.integers("output_shape", output_shape, whole=True, least=1)
    elif auto_pad in ("SAME_UPPER", "SAME_LOWER"):
        wanted = tuple(line.n * line.s for line in lines)
    else:
        columns = zip(lines, extras, amounts, strict=True)
        axes = [
            line.transposed(lo, line.full + extra - lo - hi)
            for line, extra, (lo, hi) in columns
        ]
        return call.operator(axes, groups=group, dtype=dtype, engine=engine)
    lower = auto_pad != "SAME_UPPER"
    # Where samples lack, a size that was asked for without SAME has them at the end.
    lacking = auto_pad in ("SAME_UPPER", "SAME_LOWER")
    axes = [
        _split(line, line.full + extra - size, size, lower=lower, lacking=lacking)
        for line, extra, size in zip(lines, extras, wanted, strict=True)
    ]
    return call.operator(axes, groups=group, dtype=dtype, engine=engine)


Conv = adapted(_conv, _CONV)
ConvTranspose = adapted(_conv_transpose, _CONV_TRANSPOSE)


def _opened(
    semantics: Semantics,
    dims: Ints,
    kernel: npt.ArrayLike,
    attributes: tuple[Ints | None, Ints | None, Ints | None],
) -> tuple[Call, tuple[Line, ...]]:
    """The call and its axes; `attributes` are kernel_shape, strides and dilations."""
    call = Call.of(semantics, dims, kernel)
    kernel_shape, strides, dilations = attributes
    if kernel_shape is not None:
        given = call.integers("kernel_shape", kernel_shape, whole=True)
        agree("kernel_shape", given, call.taps)
    steps = [
        (1,) * call.rank
        if value is None
        else call.integers(word, value, least=1, whole=True)
        for word, value in (("strides", strides), ("dilations", dilations))
    ]
    return call, call.lines(*steps)


def auto(auto_pad: object, pads: object) -> str:
    """The rule for the padding, if there is one of that name and no other."""
    rule = choice("auto_pad", auto_pad, _AUTO_PADS)
    if rule != "NOTSET" and pads is not None:
        msg = f"pads {pads!r} need auto_pad 'NOTSET', got {rule!r}"
        raise SemanticsError(msg)
    return rule


def begins_and_ends(rank: int, auto_pad: object, pads: object) -> list[tuple[int, int]]:
    """Samples before and after each axis."""
    if auto_pad != "NOTSET" or pads is None:
        return [(0, 0)] * rank
    entries = tuple(pads) if is_sequence(pads) else ()
    if len(entries) != 2 * rank:
        msg = (
            f"pads {pads!r} must have {2 * rank} entries: a beginning for each of the "
            f"{rank} spatial axes, then an end for each"
        )
        raise SemanticsError(msg)
    begins, ends = entries[:rank], entries[rank:]
    return list(
        zip(
            integers("the beginning in pads", begins, rank, least=0),
            integers("the end in pads", ends, rank, least=0),
            strict=True,
        )
    )


def _extras(
    call: Call, lines: tuple[Line, ...], output_padding: Ints | None
) -> tuple[int, ...]:
    """Samples more at the end of each axis."""
    if output_padding is None:
        return (0,) * len(lines)
    extras = call.integers("output_padding", output_padding, least=0, whole=True)
    for line, extra in zip(lines, extras, strict=True):
        if extra >= line.s:
            msg = (
                f"output_padding {extra} on spatial axis {line.index} must be smaller "
                f"than the stride: at most {line.s - 1}"
            )
            raise SemanticsError(msg)
    return extras


def _split(line: Line, excess: int, length: int, *, lower: bool, lacking: bool) -> Axis:
    """The axis that crops `excess` samples, the odd one at the end unless `lower`.

    What is `lacking`, a negative excess, is split in the same way, or is none.
    """
    if length >= line.full + line.s:
        msg = (
            f"output_shape {length} on spatial axis {line.index} is out of reach: at "
            f"most {line.full + line.s - 1}"
        )
        raise SemanticsError(msg)
    excess = excess if lacking else max(excess, 0)
    return line.transposed(excess - excess // 2 if lower else excess // 2, length)
