"""The keywords of the operators, kept as given so that an operator can be remade."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from convadjoint.geometry import Problem
from convadjoint.geometry.checks import is_sequence

__all__ = ["Options"]

_COMPUTING = ("dtype", "engine", "precision", "name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The keywords of an operator, as given."""

    stride: Any = 1
    padding: Any = 0
    dilation: Any = 1
    groups: Any = 1
    padding_mode: Any = "zeros"
    axes: Any = None
    channel_axis: Any = None
    center: Any = None
    flip: Any = False
    output_padding: Any = 0
    output_size: Any = None
    dtype: Any = None
    engine: Any = "auto"
    precision: str = "native"
    name: str = "C"

    def __post_init__(self) -> None:
        for one in fields(self):
            if one.name not in _COMPUTING:
                value = _kept(getattr(self, one.name))
                object.__setattr__(self, one.name, value)
        if not isinstance(self.engine, str):
            msg = f"engine must be a string, got {self.engine!r}"
            raise TypeError(msg)
        if not isinstance(self.flip, (bool, np.bool_)):
            msg = f"flip must be True or False, got {self.flip!r}"
            raise TypeError(msg)
        if self.precision not in ("native", "double"):
            msg = f"precision must be 'native' or 'double', got {self.precision!r}"
            raise ValueError(msg)

    def problem(
        self,
        dims: Any,
        kernel_shape: tuple[int, ...],
        rank: int | None,
        transposed: bool,
    ) -> Problem:
        """Return the question that the geometry answers."""
        words = {
            one.name: getattr(self, one.name)
            for one in fields(self)
            if one.name not in _COMPUTING
        }
        return Problem(
            dims=dims,
            kernel_shape=kernel_shape,
            rank=rank,
            transposed=transposed,
            **words,
        )


def _kept(value: Any) -> Any:
    """A value that nobody can change any more: sequences become tuples."""
    if is_sequence(value):
        return tuple(_kept(entry) for entry in value)
    return value.item() if isinstance(value, np.ndarray) else value
