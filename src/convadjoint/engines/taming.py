"""Powers of two that keep data in the range of their dtype."""

import numpy as np
import numpy.typing as npt

from convadjoint.engines.protocol import Array

__all__ = ["scale", "tamed"]

Integers = npt.NDArray[np.int64]

# Powers of two that float32 holds.
_STEP = 100


def scale(y: Array, exponents: int | Integers) -> None:
    """Multiply each signal by a power of two, in steps that do not overflow alone."""
    for signal, given in zip(y, np.broadcast_to(exponents, len(y)), strict=True):
        exponent = int(given)
        while exponent:
            step = max(-_STEP, min(_STEP, exponent))
            np.multiply(signal, y.real.dtype.type(2.0**step), out=signal)
            exponent -= step


def tamed(x: Array, sizes: Array) -> tuple[Array, Integers]:
    """Scale each signal that may leave the range when it is summed or multiplied.

    `sizes` are the largest magnitudes.  Signals are handled one by one: a large one must
    not make another vanish.
    """
    bound = np.sqrt(np.sqrt(np.finfo(x.real.dtype).max))
    wild = (sizes > 0) & ~((1 / bound < sizes) & (sizes < bound))
    exponents = np.where(wild, np.frexp(sizes)[1], 0).astype(np.int64)
    if wild.any():
        x = x.copy()
        scale(x, -exponents)
    return x, exponents
