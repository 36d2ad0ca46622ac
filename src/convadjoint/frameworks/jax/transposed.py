"""``jax.lax.conv_transpose``."""

from collections.abc import Sequence
from typing import Any

import numpy.typing as npt

from convadjoint.frameworks.arguments import flag, shape
from convadjoint.frameworks.jax.dilated import (
    Dilated,
    DilatedLine,
    Pairs,
    called,
    numbers,
    pairs,
)
from convadjoint.frameworks.semantics import Semantics, adapted
from convadjoint.operators import Member
from convadjoint.operators.samples import as_samples

__all__ = ["conv_transpose"]

_DEFAULTS = {
    1: ("NHC", "HIO", "NHC"),
    2: ("NHWC", "HWIO", "NHWC"),
    3: ("NHWDC", "HWDIO", "NHWDC"),
}


def _conv_transpose(
    semantics: Semantics,
    lhs_shape: Sequence[int],
    rhs: npt.ArrayLike,
    strides: Sequence[int],
    padding: str | Pairs,
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: Any = None,
    transpose_kernel: bool = False,
    use_consistent_padding: bool = False,
    *,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> Member:
    """The transposed convolution ``{name}``.

    Parameters
    ----------
    lhs_shape : sequence of int
        Shape of the input, by default ``(batch, *n, c_in)``.
    rhs : array_like
        Kernel, by default of shape ``(*k, c_in, c_out)``; with `transpose_kernel` that
        of the forward convolution, ``(*k, c_out, c_in)``.
    strides : sequence of int
        One per spatial axis, at least 1.
    padding : str or sequence of (int, int)
        ``"SAME"`` or ``"VALID"``, or samples before and after each axis.
    rhs_dilation : sequence of int, optional
        Distance of neighbouring taps.
    dimension_numbers : tuple of str or ConvDimensionNumbers, optional
        Layouts of input, kernel and output.
    transpose_kernel : bool, optional
        Whether `rhs` is the kernel of the forward convolution.
    use_consistent_padding : bool, optional
        Whether pairs are the padding of the forward convolution, as names are; they
        are else what is put around the dilated input.
    {computing}

    {results}

    Examples
    --------
    >>> import numpy as np
    >>> from convadjoint.frameworks import jax
    >>> kernel = np.ones((5, 1, 1))
    >>> jax.conv_transpose((1, 3, 1), kernel, (2,), [(1, 1)]).dimsd
    (1, 3, 1)
    >>> words = {"use_consistent_padding": True}
    >>> jax.conv_transpose((1, 3, 1), kernel, (2,), [(1, 1)], **words).dimsd
    (1, 7, 1)
    """
    kernel, dims = as_samples(rhs, "the kernel"), shape(lhs_shape, "the input")
    if dimension_numbers is None:
        dimension_numbers = _DEFAULTS.get(kernel.ndim - 2)
    lhs, weights, out = numbers(dimension_numbers, kernel.ndim, dims)
    turned = flag("transpose_kernel", transpose_kernel)
    if turned:
        weights = weights.translate(str.maketrans("OI", "IO"))
    consistent = flag("use_consistent_padding", use_consistent_padding)
    call = called(semantics, dims, kernel, (lhs, weights, out))
    words = Dilated(
        strides=(1,) * call.rank,
        padding=padding,
        lhs_dilation=strides,
        rhs_dilation=rhs_dilation,
        inner_word="strides",
    )
    return words.operator(
        call,
        flip=not turned,
        pads=_forward_pads(words.lines(call), padding, consistent),
        dtype=dtype,
        engine=engine,
    )


def _forward_pads(
    lines: tuple[DilatedLine, ...], padding: str | Pairs, consistent: bool
) -> Pairs | None:
    """Samples around the dilated input, where those of the convolution are given."""
    if isinstance(padding, str) and padding in ("SAME", "VALID"):
        return [line.forward(padding) for line in lines]
    if not consistent:
        return None
    given = zip(lines, pairs(padding, len(lines)), strict=True)
    return [(line.span - 1 - lo, line.span - 1 - hi) for line, (lo, hi) in given]


conv_transpose = adapted(
    _conv_transpose,
    Semantics(
        framework="jax",
        function="conv_transpose",
        layouts=("N*C",),
        kernel="*IO",
        flip=True,
        transposed=True,
        padding="Names are those of the forward convolution; pairs are put around the "
        "dilated input, or are the forward ones with use_consistent_padding.",
        odd="end",
        length="n * s for 'SAME', (n - 1) * s + max(K, s) for 'VALID', "
        "(n - 1) * s + 2 - K + low + high for pairs, (n - 1) * s + K - low - high for "
        "consistent ones",
        limits=(
            "the kernel is reversed against other frameworks unless transpose_kernel",
            "names in capitals; others only with stride 1, for a convolution",
            "no groups and no output_padding",
            "the output may be empty",
        ),
    ),
)
