"""What an engine is: a way to compute, bound to a geometry and a kernel by a plan."""

from types import EllipsisType
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from convadjoint.geometry import ConvSpec

__all__ = ["Array", "Engine", "Index", "Plan"]

Array = npt.NDArray[np.inexact[Any]]
Index = tuple[int | slice | EllipsisType, ...]


class Plan(Protocol):
    """A geometry with its kernel bound, in one direction; applying it is pure.

    The batch length of the spec plays no part: a plan takes any number of signals.
    """

    @property
    def tap_by_tap(self) -> bool:
        """Whether a sample meets its own taps only, as in the definition.

        If so, one that is not finite spreads as far as the definition spreads it.
        """
        ...

    def apply(self, x: Array) -> Array:
        """Map ``(batch, c_in, *n)`` to a new ``(batch, c_out, *q)``."""
        ...


class Engine(Protocol):
    """A way to compute; stateless, so that a module itself may be the engine."""

    def refuses(self, spec: ConvSpec, kernel: Array) -> str | None:
        """Say why this problem cannot be done exactly, or None if it can."""
        ...

    def plan(self, spec: ConvSpec, kernel: Array) -> Plan:
        """Bind a kernel of shape ``spec.kernel_shape`` to `spec`."""
        ...
