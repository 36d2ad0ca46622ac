"""Keras's average pooling layers."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from convadjoint.errors import SemanticsError
from convadjoint.frameworks.arguments import integers, shape
from convadjoint.frameworks.keras.words import Sizes, layout, named
from convadjoint.frameworks.semantics import Semantics, adapted
from convadjoint.operators import Member
from convadjoint.resample import avg_pool

__all__ = ["AveragePooling1D", "AveragePooling2D", "AveragePooling3D"]


def _average_pooling(
    semantics: Semantics,
    input_shape: Sequence[int],
    pool_size: Sizes,
    strides: Sizes | None = None,
    padding: str = "valid",
    data_format: str | None = None,
    *,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> Member:
    """The layer ``{name}``.

    Parameters
    ----------
    input_shape : sequence of int, ``(batch, *n, c)`` or ``(batch, c, *n)``
        Shape of the input.
    pool_size : int or sequence of int
        Samples of a window.
    strides : int or sequence of int, optional
        Distance of windows; by default their size.
    padding : {"valid", "same"}, optional
        Samples of the padding are not counted.
    data_format : {"channels_last", "channels_first"}, optional
        Layout of input and output.
    {computing}

    {results}

    Examples
    --------
    >>> from convadjoint.frameworks import keras
    >>> keras.AveragePooling1D((1, 3, 1), 2, padding="same").tosparse().toarray()
    array([[0.5, 0.5, 0. ],
           [0. , 0. , 1. ]])
    """
    dims, rank = shape(input_shape, "the input"), semantics.rank or 1
    if len(dims) != rank + 2:
        msg = f"the input {dims} has {len(dims)} axes, allowed is {rank + 2}"
        raise SemanticsError(msg)
    first = layout(data_format).index("*")
    size = integers("pool_size", pool_size, rank, least=1)
    return avg_pool(
        dims,
        size,
        stride=size if strides is None else integers("strides", strides, rank, least=1),
        padding=named("padding", padding, ("valid", "same")),
        count_include_pad=False,
        axes=range(first, first + rank),
        dtype=np.float64 if dtype is None else dtype,
        engine=engine,
    )


AveragePooling1D, AveragePooling2D, AveragePooling3D = (
    adapted(
        _average_pooling,
        Semantics(
            framework="keras",
            function=f"AveragePooling{rank}D",
            rank=rank,
            layouts=("N*C", "NC*"),
            kernel=None,
            padding="Means over the samples of the input in each window.",
            odd="end",
            length="ceil(n / s) for 'same', floor((n - k) / s) + 1 for 'valid'",
        ),
    )
    for rank in (1, 2, 3)
)
