"""Keras's words: sizes per axis, and names in any case."""

from collections.abc import Sequence

import numpy.typing as npt

from convadjoint.errors import SemanticsError
from convadjoint.frameworks.arguments import agree, choice
from convadjoint.frameworks.door import Call
from convadjoint.frameworks.semantics import Semantics

__all__ = ["Sizes", "called", "check_layer", "check_steps", "layout", "named"]

Sizes = int | Sequence[int]


def named(word: str, value: object, allowed: Sequence[str]) -> str:
    """Return a name in lower case, if it is allowed."""
    lower = value.lower() if isinstance(value, str) else ""
    return lower if lower in allowed else choice(word, value, allowed)


def layout(data_format: object) -> str:
    """The layout of input and output; None means channels last."""
    layouts = {"channels_last": "N*C", "channels_first": "NC*"}
    if data_format is None:
        return layouts["channels_last"]
    return layouts[named("data_format", data_format, tuple(layouts))]


def called(
    semantics: Semantics,
    dims: Sequence[int],
    kernel: npt.ArrayLike,
    data_format: object,
) -> Call:
    """The call of a layer."""
    return Call.of(semantics, dims, kernel, layouts=(layout(data_format),))


def check_layer(
    call: Call, filters: int | None, kernel_size: Sizes | None, use_bias: object
) -> None:
    """Refuse what contradicts the kernel."""
    agree("filters", filters, call.kernel_axis("O"))
    if kernel_size is not None:
        taps = call.integers("kernel_size", kernel_size, least=1)
        agree("kernel_size", taps, call.taps)
    if not isinstance(use_bias, bool):
        msg = f"use_bias must be True or False, got {use_bias!r}"
        raise TypeError(msg)


def check_steps(strides: tuple[int, ...], rates: tuple[int, ...]) -> None:
    """Strides and dilations do not go together, not even on different axes."""
    if max(strides) > 1 and max(rates) > 1:
        msg = f"strides {strides} and dilation_rate {rates} must not both exceed 1"
        raise SemanticsError(msg)
