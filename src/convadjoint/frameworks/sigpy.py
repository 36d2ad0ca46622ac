"""sigpy's convolutions, linear in the data or in the filter.

Examples
--------
>>> import numpy as np
>>> from convadjoint.frameworks import sigpy
>>> coils = np.ones((4, 1, 3, 3))
>>> sigpy.ConvolveData((1, 8, 8), coils, mode="valid", multi_channel=True).dimsd
(4, 6, 6)
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from convadjoint.errors import SemanticsError
from convadjoint.frameworks.arguments import choice, flag, integers, shape
from convadjoint.frameworks.door import Call
from convadjoint.frameworks.semantics import Semantics, adapted
from convadjoint.operators import ConvWeightOp, SpecOp
from convadjoint.operators.samples import as_samples

__all__ = ["ConvolveData", "ConvolveFilter"]


def _convolve_data(
    semantics: Semantics,
    data_shape: Sequence[int],
    filt: npt.ArrayLike,
    mode: str = "full",
    strides: Sequence[int] | None = None,
    multi_channel: bool = False,
    *,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> SpecOp:
    """The operator ``{name}``, on data.

    Parameters
    ----------
    data_shape : sequence of int, ``(..., *n)`` or ``(..., c_in, *n)``
        Shape of the input.
    filt : array_like, shape ``(*k)`` or ``(c_out, c_in, *k)``
        Filter, reversed as a mathematical convolution does.
    mode : {"full", "valid"}, optional
        All samples, or those without padding.
    strides : sequence of int, optional
        One per convolved axis.
    multi_channel : bool, optional
        Whether the filter mixes channels.
    {computing}

    {results}

    Examples
    --------
    >>> from convadjoint.frameworks import sigpy
    >>> sigpy.ConvolveData((3,), [1.0, -1.0]) @ [1.0, 2.0, 4.0]
    array([ 1.,  1.,  2., -4.])
    """
    kernel = as_samples(filt, "filt")
    call = _called(semantics, data_shape, kernel, flag("multi_channel", multi_channel))
    choice("mode", mode, ("full", "valid"))
    lines = call.lines(_steps(strides, call.rank), (1,) * call.rank)
    pads = [line.k - 1 if mode == "full" else 0 for line in lines]
    axes = [line.convolved(pad, pad) for line, pad in zip(lines, pads, strict=True)]
    return call.operator(axes, dtype=dtype, engine=engine)


def _convolve_filter(
    semantics: Semantics,
    filt_shape: Sequence[int],
    data: npt.ArrayLike,
    mode: str = "full",
    strides: Sequence[int] | None = None,
    multi_channel: bool = False,
    *,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> ConvWeightOp:
    """The operator ``{name}``, on filters.

    Parameters
    ----------
    filt_shape : sequence of int, ``(*k)`` or ``(c_out, c_in, *k)``
        Shape of the input.
    data : array_like, shape ``(..., *n)`` or ``(..., c_in, *n)``
        Data that the filter meets.
    mode : {"full", "valid"}, optional
        All samples, or those without padding.
    strides : sequence of int, optional
        One per convolved axis.
    multi_channel : bool, optional
        Whether the filter mixes channels.
    {computing}

    {results}

    Examples
    --------
    >>> from convadjoint.frameworks import sigpy
    >>> sigpy.ConvolveFilter((2,), [1.0, 2.0, 4.0]) @ [1.0, -1.0]
    array([ 1.,  1.,  2., -4.])
    """
    lengths, given = shape(filt_shape, "the filter"), as_samples(data, "data")
    mixes = flag("multi_channel", multi_channel)
    # The filter's values are not known yet; its shape is checked as that of any other.
    call = _called(semantics, given.shape, np.broadcast_to(0.0, lengths), mixes)
    choice("mode", mode, ("full", "valid"))
    rank = call.rank
    return ConvWeightOp(
        given,
        lengths,
        stride=_steps(strides, rank),
        padding=mode,
        axes=range(-rank, 0),
        channel_axis=-rank - 1 if mixes else None,
        flip=True,
        dtype=dtype,
        engine=engine,
    )


def _called(
    semantics: Semantics,
    dims: Sequence[int],
    filt: npt.NDArray[np.generic],
    mixes: bool,
) -> Call:
    """The call; all axes before those of the filter are batch."""
    lengths, channels = shape(dims, "the data"), 2 if mixes else 0
    batch = len(lengths) - (filt.ndim - channels) - (1 if mixes else 0)
    if batch < 0 or filt.ndim <= channels:
        msg = (
            f"the filter {filt.shape} needs {max(filt.ndim - channels, 1)} convolved "
            f"axes{' and one of channels' if mixes else ''}, the data have {lengths}"
        )
        raise SemanticsError(msg)
    return Call.of(
        semantics,
        lengths,
        filt,
        layouts=("N" * batch + ("C*" if mixes else "*"),),
        kernel_layout="OI*" if mixes else "*",
    )


def _steps(strides: Sequence[int] | None, rank: int) -> tuple[int, ...]:
    """One stride per axis, given as a sequence."""
    if strides is None:
        return (1,) * rank
    return integers("strides", strides, rank, least=1, whole=True)


def _semantics(function: str) -> Semantics:
    """What both operators mean."""
    return Semantics(
        framework="sigpy",
        function=function,
        layouts=("N*", "NC*"),
        kernel="OI*",
        flip=True,
        padding="'full' pads k - 1 zeros on both sides, 'valid' nothing.",
        length="ceil((n + k - 1) / s) for 'full', ceil((n - k + 1) / s) for 'valid'",
        limits=(
            "the filter must not be larger than the data for 'valid'",
            "any number of batch axes; channels only with multi_channel",
            "real data may meet complex filters, which sigpy does not allow",
        ),
    )


ConvolveData = adapted(_convolve_data, _semantics("ConvolveData"))
ConvolveFilter = adapted(_convolve_filter, _semantics("ConvolveFilter"))


def __dir__() -> list[str]:
    return sorted(__all__)
