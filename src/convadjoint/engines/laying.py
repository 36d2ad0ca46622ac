"""Weights into the order of a plan, by compiled code."""

from typing import Any

from convadjoint.engines.primitives import kept

__all__ = ["lay"]


@kept
def lay(weights: Any, numbers: Any, laid: Any, first: Any, stop: Any) -> None:
    """Write the weights that some numbers name; all arrays are flat."""
    for i in range(first, stop):
        laid[i] = weights[numbers[i]]
