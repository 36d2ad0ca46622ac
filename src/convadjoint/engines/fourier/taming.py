"""Powers of two that keep data in the range of their dtype."""

import numpy as np

from convadjoint.engines.protocol import Array

__all__ = ["scale", "tamed"]

# Powers of two that float32 holds.
_STEP = 100


def scale(y: Array, exponent: int) -> None:
    """Multiply by a power of two, in steps that do not overflow by themselves."""
    while exponent:
        step = max(-_STEP, min(_STEP, exponent))
        y *= y.real.dtype.type(2.0**step)
        exponent -= step


def tamed(x: Array) -> tuple[Array, int]:
    """Scale by a power of two what may leave the range when it is summed or multiplied."""
    parts = (x.real, x.imag) if np.iscomplexobj(x) else (x,)
    largest = max((max(part.max(), -part.min()) for part in parts if x.size), default=0)
    bound = np.sqrt(np.sqrt(np.finfo(x.real.dtype).max))
    if not largest or 1 / bound < largest < bound:
        return x, 0
    exponent = int(np.frexp(largest)[1])
    x = x.copy()
    scale(x, -exponent)
    return x, exponent
