"""Powers of two that keep data in the range of their dtype."""

from typing import Any

import numpy as np
import numpy.typing as npt

from convadjoint.engines.protocol import Array

__all__ = ["scale", "tamed"]

# Powers of two that float32 holds.
_STEP = 100


def scale(y: Array, exponents: npt.NDArray[np.integer[Any]]) -> None:
    """Multiply each signal by a power of two, in steps that do not overflow alone."""
    for signal, given in zip(y, exponents, strict=True):
        exponent = int(given)
        while exponent:
            step = max(-_STEP, min(_STEP, exponent))
            np.multiply(signal, y.real.dtype.type(2.0**step), out=signal)
            exponent -= step


def tamed(x: Array) -> tuple[Array, npt.NDArray[np.integer[Any]]]:
    """Scale each signal that may leave the range when it is summed or multiplied.

    Signals are transformed one by one: a large one must not make another vanish.
    """
    if not x.size:
        return x, np.zeros(len(x), int)
    parts = (x.real, x.imag) if np.iscomplexobj(x) else (x,)
    axes = tuple(range(1, x.ndim))
    largest: Array = np.max(
        [np.maximum(part.max(axes), -part.min(axes)) for part in parts], axis=0
    )
    bound = np.sqrt(np.sqrt(np.finfo(x.real.dtype).max))
    wild = (largest > 0) & ~((1 / bound < largest) & (largest < bound))
    exponents = np.where(wild, np.frexp(largest)[1], 0)
    if wild.any():
        x = x.copy()
        scale(x, -exponents)
    return x, exponents
