"""TensorFlow's average pooling."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from convadjoint.errors import SemanticsError
from convadjoint.frameworks.arguments import shape
from convadjoint.frameworks.formats import Format, Steps, paddings
from convadjoint.frameworks.semantics import Semantics, adapted
from convadjoint.operators import Member
from convadjoint.resample import avg_pool as mean_pool

__all__ = ["avg_pool", "avg_pool1d", "avg_pool2d", "avg_pool3d"]


def _avg_pool(
    semantics: Semantics,
    input_shape: Sequence[int],
    ksize: Steps,
    strides: Steps,
    padding: str,
    data_format: str | None = None,
    *,
    dtype: npt.DTypeLike = np.float64,
    engine: str = "auto",
) -> Member:
    """The average pooling ``{name}``.

    Parameters
    ----------
    input_shape : sequence of int, ``(batch, *n, c)`` or ``(batch, c, *n)``
        Shape of the input.
    ksize, strides : int or sequence of int
        At least 1: one for all axes, one per axis, or one for each axis of the input.
    padding : {"SAME", "VALID"}
        Samples of the padding are not counted.
    data_format : str, optional
        ``"NHWC"`` (the default) or ``"NCHW"`` for two spatial axes, and so on.
    {computing}

    {results}

    Examples
    --------
    >>> from convadjoint.frameworks import tensorflow
    >>> tensorflow.avg_pool1d((1, 3, 1), 2, 2, "SAME").tosparse().toarray()
    array([[0.5, 0.5, 0. ],
           [0. , 0. , 1. ]])
    """
    dims = shape(input_shape, "the input")
    form = Format.of(semantics.rank or len(dims) - 2, data_format)
    if len(dims) != form.rank + 2:
        msg = f"the input {dims} has {len(dims)} axes, allowed is {form.rank + 2}"
        raise SemanticsError(msg)
    (pad, *_) = paddings(padding, form, lists=False)
    return mean_pool(
        dims,
        form.steps("ksize", ksize),
        stride=form.steps("strides", strides),
        padding=pad.rule,
        count_include_pad=False,
        axes=range(len(dims))[form.space],
        dtype=dtype,
        engine=engine,
    )


avg_pool, avg_pool1d, avg_pool2d, avg_pool3d = (
    adapted(
        _avg_pool,
        Semantics(
            framework="tensorflow",
            function=name,
            rank=rank,
            layouts=("N*C", "NC*"),
            kernel=None,
            padding="Means over the samples of the input in each window.",
            odd="end",
            length="ceil(n / s) for 'SAME', floor((n - k) / s) + 1 for 'VALID'",
        ),
    )
    for name, rank in (
        ("avg_pool", None),
        ("avg_pool1d", 1),
        ("avg_pool2d", 2),
        ("avg_pool3d", 3),
    )
)
