"""Filters laid along some axes of an array, and what continues it at its ends."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from convadjoint.errors import SemanticsError
from convadjoint.frameworks.door import Call
from convadjoint.frameworks.lines import Line
from convadjoint.frameworks.semantics import Semantics
from convadjoint.geometry import Axis, Border
from convadjoint.geometry.checks import integer

__all__ = ["axis_of", "extended", "laid"]

_SPACE = "0123456789"


def axis_of(value: object, ndim: int, word: str = "axis") -> int:
    """Return an axis, counted from the front."""
    axis = integer(value, word)
    if not -ndim <= axis < ndim:
        msg = f"{word} {axis} is out of range: the input has {ndim} axes"
        raise SemanticsError(msg)
    return axis % ndim


def laid(
    semantics: Semantics,
    dims: tuple[int, ...],
    kernel: npt.NDArray[np.generic],
    axes: Sequence[int],
) -> tuple[Call, int]:
    """The call of a kernel with as many axes as the input, convolved along `axes`.

    Along one other axis it may vary: each signal has its own kernel then, or one signal
    meets them all.  The second value is the number of groups.
    """
    others = [axis for axis in range(len(dims)) if axis not in axes]
    varying = [axis for axis in others if kernel.shape[axis] != 1]
    if len(varying) > 1:
        msg = (
            f"the kernel {kernel.shape} varies along the axes {varying}, which are not "
            f"convolved: at most one is allowed"
        )
        raise SemanticsError(msg)
    letters = ["N"] * len(dims)
    for digit, axis in zip(_SPACE, axes, strict=False):
        letters[axis] = digit
    for axis in varying:
        letters[axis] = "C"
        if dims[axis] not in (1, kernel.shape[axis]):
            msg = (
                f"the kernel has length {kernel.shape[axis]} on axis {axis}, which is "
                f"not convolved: allowed are 1 and {dims[axis]}"
            )
            raise SemanticsError(msg)
    places = [*varying, *axes]
    rest = [axis for axis in others if axis not in varying]
    weights = kernel.transpose(*places, *rest).reshape(
        [kernel.shape[axis] for axis in places]
    )
    call = Call.of(
        semantics,
        dims,
        weights[:, None] if varying else weights,
        layouts=("".join(letters),),
        kernel_layout="OI*" if varying else "*",
    )
    return call, dims[varying[0]] if varying else 1


def extended(
    line: Line, lo: int, length: int, mode: str | None
) -> tuple[Axis, Border | None]:
    """The axis of `length` outputs, and what continues the signal; None means zeros."""
    if mode is None:
        return line.sized(lo, length), None
    reach = (length - 1) * line.s + line.span
    border = Border(n=line.n, length=reach, lo=lo, mode=mode)
    return Axis(n=reach, q=length, k=line.k, s=line.s, d=line.d), border
