"""SciPy's change of rate, ``scipy.signal.upfirdn``."""

from collections.abc import Sequence

import numpy.typing as npt

from convadjoint.errors import SemanticsError
from convadjoint.frameworks.arguments import choice, shape
from convadjoint.frameworks.laying import axis_of, laid
from convadjoint.frameworks.scipy.signal import refuse_constant
from convadjoint.frameworks.semantics import Semantics, adapted
from convadjoint.geometry import Axis, Border
from convadjoint.geometry.checks import integer
from convadjoint.operators import SpecOp
from convadjoint.operators.samples import as_samples

__all__ = ["upfirdn"]

_CONTINUED = {
    "constant": None,
    "symmetric": "symmetric",
    "reflect": "reflect",
    "edge": "replicate",
    "wrap": "circular",
}


def _upfirdn(
    semantics: Semantics,
    x_shape: Sequence[int],
    h: npt.ArrayLike,
    up: int = 1,
    down: int = 1,
    axis: int = -1,
    mode: str = "constant",
    cval: complex = 0,
    *,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> SpecOp:
    """The function ``{name}``: upsample, filter, downsample.

    Parameters
    ----------
    x_shape : sequence of int
        Shape of the input, SciPy's second argument.
    h : array_like, shape ``(k,)``
        Filter.
    up, down : int, optional
        Zeros are put in to have `up` times the samples; every `down`-th is kept.
    axis : int, optional
        Axis to filter.
    mode : {"constant", "symmetric", "reflect", "edge", "wrap"}, optional
        What continues the input.
    cval : number, optional
        Zero only: with any other the function is not linear.
    {computing}

    {results}

    Examples
    --------
    >>> from convadjoint.frameworks import scipy
    >>> scipy.upfirdn((2,), [1.0, 0.5], up=2) @ [1.0, 10.0]
    array([ 1. ,  0.5, 10. ,  5. ])
    """
    dims, kernel = shape(x_shape, "x"), as_samples(h, "h")
    if kernel.ndim != 1:
        msg = f"h has shape {kernel.shape}, allowed is one axis"
        raise SemanticsError(msg)
    choice("mode", mode, tuple(_CONTINUED))
    refuse_constant("cval", cval)
    along = axis_of(axis, len(dims))
    shaped = [1] * len(dims)
    shaped[along] = kernel.size
    call, _ = laid(semantics, dims, kernel.reshape(shaped), [along])
    t, s = integer(up, "up", least=1), integer(down, "down", least=1)
    made, border = _resampled(call.sizes[0], call.taps[0], s, t, _CONTINUED[mode])
    return call.operator([made], borders=(border,), dtype=dtype, engine=engine)


def _resampled(
    n: int, k: int, s: int, t: int, mode: str | None
) -> tuple[Axis, Border | None]:
    """The axis of a rate changed by t/s, on an extended signal if there is a mode."""
    length = ((n - 1) * t + k - 1) // s + 1
    if mode is None:
        return Axis(n=n, q=length, k=k, s=s, t=t, lo=k - 1), None
    before = (k - 1) // t
    whole = before + (length - 1) * s // t + 1
    border = Border(n=n, length=whole, lo=before, mode=mode)
    return Axis(n=whole, q=length, k=k, s=s, t=t, lo=k - 1 - before * t), border


upfirdn = adapted(
    _upfirdn,
    Semantics(
        framework="scipy",
        function="upfirdn",
        layouts=("*",),
        kernel="*",
        flip=True,
        padding="None: `mode` says what continues the input.",
        length="floor(((n - 1) * up + k - 1) / down) + 1",
        limits=("cval must be 0", "modes that are not a repetition are refused"),
    ),
)
