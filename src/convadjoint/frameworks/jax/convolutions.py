"""``jax.lax.conv_general_dilated`` and its short forms, ``jax.numpy.convolve``."""

from collections.abc import Sequence
from typing import Any

import numpy.typing as npt

from convadjoint.errors import SemanticsError
from convadjoint.frameworks.arguments import choice, shape
from convadjoint.frameworks.door import Call
from convadjoint.frameworks.jax.dilated import Dilated, Pairs, called, numbers
from convadjoint.frameworks.reordering import Reordering
from convadjoint.frameworks.semantics import Semantics, adapted
from convadjoint.geometry import Axis
from convadjoint.geometry.checks import integer
from convadjoint.operators import Member, ProductOp
from convadjoint.operators.samples import as_samples

__all__ = ["conv", "conv_general_dilated", "conv_with_general_padding", "convolve"]


def _conv_general_dilated(
    semantics: Semantics,
    lhs_shape: Sequence[int],
    rhs: npt.ArrayLike,
    window_strides: Sequence[int],
    padding: str | Pairs,
    lhs_dilation: Sequence[int] | None = None,
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: Any = None,
    feature_group_count: int = 1,
    batch_group_count: int = 1,
    *,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> Member:
    """The convolution ``{name}``, with any dilation on either side.

    Parameters
    ----------
    lhs_shape : sequence of int
        Shape of the input, by default ``(batch, c_in, *n)``.
    rhs : array_like
        Kernel, correlated, by default of shape ``(c_out, c_in/groups, *k)``.
    window_strides : sequence of int
        One per spatial axis, at least 1.
    padding : str or sequence of (int, int)
        ``"VALID"``, ``"SAME"``, ``"SAME_LOWER"``, or samples before and after each
        axis of the dilated input; negative ones crop.
    lhs_dilation, rhs_dilation : sequence of int, optional
        Distance of neighbouring samples and of neighbouring taps.
    dimension_numbers : tuple of str or ConvDimensionNumbers, optional
        Layouts of input, kernel and output.
    feature_group_count, batch_group_count : int, optional
        Blocks of channels, or of the batch; not both.
    {computing}

    {results}

    Examples
    --------
    >>> import numpy as np
    >>> from convadjoint.frameworks import jax
    >>> words = {"lhs_dilation": (2,), "dimension_numbers": ("NHC", "HIO", "NHC")}
    >>> op = jax.conv_general_dilated((1, 3, 1), np.ones((2, 1, 1)), (3,), [(1, 1)], **words)
    >>> op.dimsd
    (1, 2, 1)
    """
    words = Dilated(
        strides=window_strides,
        padding=padding,
        lhs_dilation=lhs_dilation,
        rhs_dilation=rhs_dilation,
    )
    kernel, dims = as_samples(rhs, "the kernel"), shape(lhs_shape, "the input")
    layouts = numbers(dimension_numbers, kernel.ndim, dims)
    groups = integer(feature_group_count, "feature_group_count", least=1)
    blocks = integer(batch_group_count, "batch_group_count", least=1)
    if blocks == 1:
        call = called(semantics, dims, kernel, layouts)
        return words.operator(call, groups=groups, dtype=dtype, engine=engine)
    if groups > 1:
        msg = (
            f"feature_group_count {groups} and batch_group_count {blocks} exclude each "
            f"other: one of them must be 1"
        )
        raise SemanticsError(msg)
    whole = called(semantics, dims, kernel, layouts)
    call, order = _batch_groups(whole, blocks)
    inner = words.operator(call, groups=blocks, dtype=dtype, engine=engine)
    return ProductOp(inner, order.operator(inner.dtype))


def _batch_groups(call: Call, blocks: int) -> tuple[Call, Reordering]:
    """The call whose channels are the blocks of the batch, and what leads to it."""
    batch = call.dims[call.layout.index("N")]
    if batch % blocks or call.channels != call.kernel_axis("I"):
        msg = (
            f"the input {call.dims} has batch {batch} and {call.channels} channels: "
            f"batch_group_count {blocks} must divide the batch, and the kernel takes "
            f"{call.kernel_axis('I')} channels"
        )
        raise SemanticsError(msg)
    places = call.layout.replace("N", "GN")
    lengths = {"G": blocks, "N": batch // blocks, "C": call.channels}
    lengths |= dict(zip(call.space, call.sizes, strict=True))
    dims = (batch // blocks, blocks * call.channels, *call.sizes)
    order = Reordering(
        call.dims,
        [lengths[letter] for letter in places],
        [places.index(letter) for letter in "NGC" + call.space],
        dims,
    )
    layouts = "NC" + call.space, call.kernel_layout, call.output_layout
    return called(call.semantics, dims, call.kernel, layouts), order


def _conv(
    semantics: Semantics,
    lhs_shape: Sequence[int],
    rhs: npt.ArrayLike,
    window_strides: Sequence[int],
    padding: str | Pairs,
    *,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> Member:
    """The convolution ``{name}``.

    Parameters
    ----------
    lhs_shape : sequence of int, ``(batch, c_in, *n)``
        Shape of the input.
    rhs : array_like, shape ``(c_out, c_in, *k)``
        Kernel, correlated.
    window_strides : sequence of int
        One per spatial axis, at least 1.
    padding : str or sequence of (int, int)
        As for `conv_general_dilated`.
    {computing}

    {results}

    Examples
    --------
    >>> import numpy as np
    >>> from convadjoint.frameworks import jax
    >>> jax.conv((1, 2, 8), np.ones((3, 2, 3)), (2,), "SAME").dimsd
    (1, 3, 4)
    """
    return _conv_general_dilated(
        semantics, lhs_shape, rhs, window_strides, padding, dtype=dtype, engine=engine
    )


def _conv_with_general_padding(
    semantics: Semantics,
    lhs_shape: Sequence[int],
    rhs: npt.ArrayLike,
    window_strides: Sequence[int],
    padding: str | Pairs,
    lhs_dilation: Sequence[int] | None,
    rhs_dilation: Sequence[int] | None,
    *,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> Member:
    """The convolution ``{name}``.

    Parameters
    ----------
    lhs_shape : sequence of int, ``(batch, c_in, *n)``
        Shape of the input.
    rhs : array_like, shape ``(c_out, c_in, *k)``
        Kernel, correlated.
    window_strides : sequence of int
        One per spatial axis, at least 1.
    padding : str or sequence of (int, int)
        As for `conv_general_dilated`.
    lhs_dilation, rhs_dilation : sequence of int or None
        Distance of neighbouring samples and of neighbouring taps.
    {computing}

    {results}

    Examples
    --------
    >>> import numpy as np
    >>> from convadjoint.frameworks import jax
    >>> kernel = np.ones((1, 1, 3))
    >>> jax.conv_with_general_padding((1, 1, 4), kernel, (1,), [(0, 1)], (2,), None).dimsd
    (1, 1, 6)
    """
    return _conv_general_dilated(
        semantics,
        lhs_shape,
        rhs,
        window_strides,
        padding,
        lhs_dilation,
        rhs_dilation,
        dtype=dtype,
        engine=engine,
    )


def _convolve(
    semantics: Semantics,
    a_shape: Sequence[int],
    v: npt.ArrayLike,
    mode: str = "full",
    *,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> Member:
    """The convolution ``{name}``, linear in its first argument.

    Parameters
    ----------
    a_shape : sequence of int, ``(n,)``
        Shape of the input.
    v : array_like, shape ``(k,)``
        Kernel, reversed as a mathematical convolution does.
    mode : {"full", "same", "valid"}, optional
        All samples, ``max(n, k)`` in the middle, or those without padding.
    {computing}

    {results}

    Examples
    --------
    >>> from convadjoint.frameworks import jax
    >>> jax.convolve((3,), [1.0, 2.0], "same") @ [1.0, 10.0, 100.0]
    array([  1.,  12., 120.])
    """
    call = Call.of(semantics, a_shape, v)
    choice("mode", mode, ("full", "same", "valid"))
    (n,), (k,) = call.sizes, call.taps
    shorter = min(n, k)
    lengths = {"full": n + k - 1, "same": max(n, k), "valid": max(n, k) - shorter + 1}
    first = {"full": 0, "same": (shorter - 1) // 2, "valid": shorter - 1}[mode]
    axis = Axis(n=n, q=lengths[mode], k=k, lo=k - 1 - first)
    return call.operator([axis], dtype=dtype, engine=engine)


def _semantics(function: str, *limits: str) -> Semantics:
    """What the convolutions of ``jax.lax`` mean."""
    return Semantics(
        framework="jax",
        function=function,
        padding="Pairs are samples before and after the dilated input, negative ones "
        "crop; 'SAME' keeps ceil(n / s) samples.",
        odd="end",
        length="floor(((n - 1) * t + 1 + low + high - K) / s) + 1, t: lhs_dilation",
        limits=(
            "'SAME_LOWER' puts the odd sample at the beginning; names in any case",
            "padding by name needs an input that is not dilated",
            "the output may be empty",
            *limits,
        ),
    )


conv_general_dilated = adapted(
    _conv_general_dilated,
    _semantics(
        "conv_general_dilated", "only one of feature_group_count and batch_group_count"
    ),
)
conv = adapted(_conv, _semantics("conv"))
conv_with_general_padding = adapted(
    _conv_with_general_padding, _semantics("conv_with_general_padding")
)
convolve = adapted(
    _convolve,
    Semantics(
        framework="jax",
        function="convolve",
        rank=1,
        layouts=("*",),
        kernel="*",
        flip=True,
        padding="'full' pads by k - 1 on both sides, 'same' cuts its middle out.",
        odd="beginning",
        length="n + k - 1, max(n, k), or max(n, k) - min(n, k) + 1",
        limits=("'same' has the length of the longer one, unlike SciPy's",),
    ),
)
